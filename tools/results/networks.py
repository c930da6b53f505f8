"""The networks that are compressed: plain PyTorch modules, and how each is trained.

CIFAR-10 S and M and KWS S and M are those of FreeML's evaluation (arXiv 2405.10426), as far as its text gives them.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from torch import nn

from results.datasets import CIFAR10, DIGITS, FASHION, KEYWORDS, MOTION, ROOT, Dataset


@dataclass(frozen=True)
class Recipe:
    """How to train: AdamW, learning rate rising to `rate` and falling again (one cycle)."""

    epochs: int
    rate: float = 2e-3
    batch: int = 128
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    seed: int = 1


@dataclass(frozen=True)
class Network:
    """checkpoint: a trained one that is there already (a torch.export program); None: it is trained by `recipe`. epochs: of
    retraining that each method of compression gets. ratios: how many times smaller than float32 freeml-pack is asked to be."""

    name: str
    title: str
    dataset: Dataset
    build: Callable[[], nn.Module]
    recipe: Recipe
    epochs: int
    checkpoint: Path | None = None
    ratios: tuple[int, ...] = (30, 100)


def _block(inputs: int, outputs: int, *, padding: int = 0, norm: bool = False, pool: bool = True) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, padding=padding, bias=not norm)]
    layers += [nn.BatchNorm2d(outputs)] if norm else []
    layers += [nn.ReLU()]
    return [*layers, nn.MaxPool2d(2)] if pool else layers


def _dense(*sizes: int) -> list[nn.Module]:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return layers[:-1]


def _normed(inputs: int, hidden: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, outputs)]


def cifar10_s() -> nn.Module:
    return nn.Sequential(*_block(3, 64), *_block(64, 128), *_block(128, 64), nn.Flatten(), *_dense(256, 256, 64, 10))


def cifar10_m() -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 32), (32, 64), (64, 128)):
        layers += [*_block(inputs, outputs, padding=1, pool=False), *_block(outputs, outputs, padding=1)]
    return nn.Sequential(*layers, nn.Flatten(), *_dense(2048, 128, 128, 128, 128, 10))


def kws_s() -> nn.Module:
    blocks = [*_block(1, 16, norm=True), *_block(16, 32, norm=True), *_block(32, 64, norm=True)]
    return nn.Sequential(*blocks, nn.Flatten(), *_normed(768, 64, 12))


def kws_m() -> nn.Module:
    """The fourth convolution leaves 2x1: nothing to pool, and the 128 inputs of the first linear layer."""
    blocks = [*_block(1, 16, norm=True), *_block(16, 32, norm=True), *_block(32, 64, norm=True)]
    return nn.Sequential(*blocks, *_block(64, 64, norm=True, pool=False), nn.Flatten(), *_normed(128, 64, 12))


def har() -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs in ((9, 32), (32, 64), (64, 64)):
        layers += [nn.Conv1d(inputs, outputs, 5, padding=2, bias=False), nn.BatchNorm1d(outputs), nn.ReLU(), nn.MaxPool1d(2)]
    return nn.Sequential(*layers, nn.Flatten(), *_dense(1024, 64, 6))


def fashion() -> nn.Module:
    return nn.Sequential(*_block(1, 32, padding=1), *_block(32, 64, padding=1), nn.Flatten(), *_dense(3136, 128, 10))


def digits() -> nn.Module:
    module: nn.Module = runpy.run_path(str(ROOT / "examples" / "digits" / "network.py"))["DigitsNet"]()
    return module


DEMO = ROOT / "examples" / "digits" / "digits_cnn.pt"

NETWORKS = {
    network.name: network
    for network in (
        Network("digits", "demo (examples/digits)", DIGITS, digits, Recipe(60), 1000, DEMO, ratios=(10, 20, 30)),
        Network("har", "HAR 1-D CNN", MOTION, har, Recipe(30, weight_decay=0.05, label_smoothing=0.1), 60),
        Network("kws_s", "KWS S", KEYWORDS, kws_s, Recipe(100, rate=4e-3, weight_decay=0.05, label_smoothing=0.1), 100),
        Network("kws_m", "KWS M", KEYWORDS, kws_m, Recipe(100, rate=4e-3, weight_decay=0.05, label_smoothing=0.1), 100),
        Network("fashion", "Fashion-MNIST", FASHION, fashion, Recipe(20), 10),
        Network("cifar10_s", "CIFAR-10 S", CIFAR10, cifar10_s, Recipe(30), 60),
        Network("cifar10_m", "CIFAR-10 M", CIFAR10, cifar10_m, Recipe(10), 20),
    )
}
