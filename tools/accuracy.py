"""Trains small networks of many shapes on real data, packs them to int8 with and without calibration data, and compares.

    python tools/accuracy.py [--data ../shared/data] [--train 20000] [--test 4000]

Prints a table, writes build/accuracy.json, exits with 1 where int8 (calibrated with data) is more than a point below float.
Trained networks are kept in build/trained and used again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from freeml_pack.blob import write_blob
from freeml_pack.calibrate import calibrate
from freeml_pack.data import Data, bind_data, load_data
from freeml_pack.engine import Engine
from freeml_pack.frontend.export import from_module
from freeml_pack.graph import Graph
from freeml_pack.passes import standard
from freeml_pack.plan import plan
from freeml_pack.quantize import quantize
from freeml_pack.targets import load_target
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
FASHION, HAR = (1, 28, 28), (9, 128)


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs)]


class Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(*conv(inputs, outputs, 3, stride), nn.ReLU(), *conv(outputs, outputs))
        self.shortcut = nn.Identity() if inputs == outputs else nn.Sequential(*conv(inputs, outputs, 1, stride))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.main(x) + self.shortcut(x))


class Fire(nn.Module):
    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.left, self.right = nn.Conv2d(squeeze, expand, 1), nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.squeeze(x))
        return torch.relu(torch.cat([self.left(x), self.right(x)], 1))


class Excited(nn.Module):
    """Inverted residual with squeeze and excite, as in MobileNetV3."""

    def __init__(self, channels: int, expanded: int) -> None:
        super().__init__()
        self.expand = nn.Sequential(*conv(channels, expanded, 1), nn.Hardswish(), *conv(expanded, expanded, 3, 1, expanded))
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(expanded, 8, 1), nn.ReLU(), nn.Conv2d(8, expanded, 1))
        self.project = nn.Sequential(*conv(expanded, channels, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = nn.functional.hardswish(self.expand(x))
        return x + self.project(y * nn.functional.hardsigmoid(self.gate(y)))


def lenet() -> list[nn.Module]:
    first = [nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)]
    return [*first, nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)]


def plain() -> list[nn.Module]:
    first = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()]
    return [*first, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1568, 64), nn.ReLU(), nn.Linear(64, 10)]


def mobile() -> list[nn.Module]:
    layers = [*conv(1, 16, 3, 2), nn.ReLU6()]
    for inputs, outputs, stride in ((16, 32, 1), (32, 48, 2), (48, 64, 1)):
        layers += [*conv(inputs, inputs, 3, stride, inputs), nn.ReLU6(), *conv(inputs, outputs, 1), nn.ReLU6()]
    return [*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]


def residual() -> list[nn.Module]:
    blocks = [Residual(12, 12, 1), Residual(12, 24, 2), Residual(24, 48, 2)]
    return [*conv(1, 12, 3, 2), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 10)]


def squeeze() -> list[nn.Module]:
    layers = [nn.Conv2d(1, 24, 3, 2, 1), nn.ReLU(), Fire(24, 8, 16), nn.MaxPool2d(2), Fire(32, 12, 24), nn.Conv2d(48, 10, 1)]
    return [*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()]


def excited() -> list[nn.Module]:
    blocks = [Excited(16, 32), nn.MaxPool2d(2), Excited(16, 48)]
    return [*conv(1, 16, 3, 2), nn.Hardswish(), *blocks, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 10)]


def dense() -> list[nn.Module]:
    return [nn.Flatten(), nn.Linear(784, 64), nn.BatchNorm1d(64), nn.GELU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)]


def har_cnn() -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv1d(9, 24, 5, padding=2), nn.BatchNorm1d(24), nn.ReLU(), nn.MaxPool1d(4)]
    layers += [nn.Conv1d(24, 32, 5, padding=2), nn.BatchNorm1d(32), nn.ReLU(), nn.MaxPool1d(4)]
    return [*layers, nn.Flatten(), nn.Linear(256, 6)]


def har_plain() -> list[nn.Module]:
    layers = [nn.Conv1d(9, 16, 7, 2), nn.ELU(), nn.Conv1d(16, 32, 5, 2), nn.ELU(), nn.AvgPool1d(4), nn.Flatten()]
    return [*layers, nn.Linear(224, 32), nn.SiLU(), nn.Linear(32, 6)]


NETWORKS: dict[Callable[[], list[nn.Module]], tuple[int, ...]] = {
    **dict.fromkeys((lenet, plain, mobile, residual, squeeze, excited, dense), FASHION),
    **dict.fromkeys((har_cnn, har_plain), HAR),
}


def load(folder: Path) -> dict[tuple[int, ...], Data]:
    har = folder / "har_uci" / "har_uci.npz"
    with np.load(har) as archive:
        scale = archive["scale"].tolist()
    fashion = load_data(folder / "fashion_mnist" / "fashion_mnist.npz", input_shape=FASHION, mean=0.286, std=0.353)
    return {FASHION: fashion, HAR: load_data(har, input_shape=HAR, scale=scale)}


def trained(build: Callable[[], list[nn.Module]], data: Data, limit: int) -> nn.Module:
    torch.manual_seed(0)
    module, kept = nn.Sequential(*build()), ROOT / "build" / "trained" / f"{build.__name__}_{limit}.pt"
    if kept.exists():
        module.load_state_dict(torch.load(kept, weights_only=True))
        return module.eval()
    assert data.train is not None
    assert data.train.y is not None
    chosen = np.random.default_rng(0).permutation(len(data.train))[:limit]
    x, y = torch.from_numpy(data.train.normalised(chosen)), torch.from_numpy(data.train.y[chosen])
    epochs, batch = 4, 64
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    steps = len(x) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=epochs * steps)
    for _ in range(epochs):
        for picked in torch.randperm(len(x))[: steps * batch].split(batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x[picked]), y[picked]).backward()
            optimizer.step()
            schedule.step()
    kept.parent.mkdir(parents=True, exist_ok=True)
    torch.save(module.state_dict(), kept)
    return module.eval()


def int8_scores(graph: Graph, x: np.ndarray | None, data: Data, chosen: np.ndarray) -> np.ndarray:
    quantized = quantize(graph, calibrate(graph, x))
    engine = Engine(write_blob(quantized, plan(quantized, load_target("generic"))))
    assert data.test is not None
    return engine.run_batch(data.test.raw(quantized.sample, chosen), None)


def measure(module: nn.Module, name: str, data: Data, limit: int) -> dict[str, float | str]:
    """Accuracies in percent, agreement of int8 and float labels in percent."""
    graph = bind_data(standard(from_module(module, name, "module", data.input_shape).graph), data)
    assert data.test is not None
    assert data.test.y is not None
    chosen = np.random.default_rng(1).permutation(len(data.test))[:limit]
    labels = data.test.y[chosen]
    with torch.no_grad():
        expected = module(torch.from_numpy(data.test.normalised(chosen))).numpy().argmax(1)
    split, indices = data.calibration()
    with_data = int8_scores(graph, split.values(indices), data, chosen).argmax(1)
    without = int8_scores(graph, None, data, chosen).argmax(1)

    def percent(hits: np.ndarray) -> float:
        return round(100.0 * float(hits.mean()), 2)

    return {
        "network": name,
        "float": percent(expected == labels),
        "int8": percent(with_data == labels),
        "int8_without_data": percent(without == labels),
        "agreement": percent(with_data == expected),
        "agreement_without_data": percent(without == expected),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Accuracy of int8 models, with and without calibration data")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FREEML_DATA", ROOT.parent / "shared" / "data")))
    parser.add_argument("--train", type=int, default=20000, help="training samples (default: %(default)s)")
    parser.add_argument("--test", type=int, default=4000, help="test samples (default: %(default)s)")
    options = parser.parse_args()
    if not (options.data / "fashion_mnist").is_dir():
        print(f"accuracy: no data in {options.data}; set FREEML_DATA or give --data", file=sys.stderr)
        return 2
    data = load(options.data)
    rows = [
        measure(trained(build, data[shape], options.train), build.__name__, data[shape], options.test)
        for build, shape in track(NETWORKS.items(), "training and packing", console=Console(stderr=True))
    ]
    table = Table(*(name.replace("_", " ") for name in rows[0]))
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console().print(table)
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "accuracy.json").write_text(json.dumps(rows, indent=1))
    return int(any(float(row["int8"]) < float(row["float"]) - 1.0 for row in rows))


if __name__ == "__main__":
    sys.exit(main())
