"""Checkpoints that other people trained keep their labels in int8, calibrated on the data set that they were made for, and
without any data."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from freeml_pack.calibrate import calibrate
from freeml_pack.frontend import load_model
from freeml_pack.graph import Graph
from freeml_pack.oracle import run_oracle
from freeml_pack.passes import standard
from freeml_pack.quantize import quantize
from freeml_pack.samples import sample_bytes
from frontend.test_reference_models import CHECKPOINTS, DATA, TESTS

CIFAR_NORMS = {
    "abcrown_sdp_cifar_cnn_a_mix.model": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "abcrown_cifar10_resnet_resnet2b.pth": ((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)),
    "akamaster_resnet32-d509ac18.th": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
KEYWORDS = "honk_res8_narrow.pt"  # its inputs are not normalised: cepstra from -114 to 16, which no model file tells


@cache
def fashion() -> np.ndarray:
    with np.load(DATA / "fashion_mnist" / "fashion_mnist.npz") as archive:
        return archive["x_train"][:512, None].astype(np.float32) / 255.0


@cache
def cifar() -> np.ndarray:
    """float32 [512, 3, 32, 32], 0..1"""
    with np.load(DATA / "cifar10_lossless" / "cifar10_lossless_train4000.npz") as archive:
        coded = archive["x_train_d2"][:512]
    planes = np.cumsum(np.cumsum(coded, axis=2, dtype=np.uint8), axis=3, dtype=np.uint8)
    green = planes[:, 1]
    return np.stack([planes[:, 0] + green, green, planes[:, 2] + green], 1).astype(np.float32) / 255.0


def calibration_data(name: str, x: np.ndarray) -> np.ndarray:
    if name == KEYWORDS:
        return x  # no data set has its features; the 64 published inputs are all there is
    if name not in CIFAR_NORMS:
        return fashion()
    mean, std = (np.array(values, np.float32).reshape(3, 1, 1) for values in CIFAR_NORMS[name])
    return (cifar() - mean) / std


def agreement(name: str, with_data: bool) -> float:
    """Of int8 labels with the published ones."""
    path = DATA / "models" / name
    if not path.exists():
        pytest.skip(f"{path} is absent; set FREEML_DATA to the folder that holds models/")
    golden = np.load(f"{path}.golden.npz")
    x = golden["x"]
    spec = f"{TESTS / 'reference_models.py'}:{CHECKPOINTS[name]}"
    graph: Graph = standard(load_model(path, model_spec=spec, input_shape=x.shape[1:]).graph)
    x = x.reshape(len(x), *graph.sample.shape).astype(np.float32)
    quantized = quantize(graph, calibrate(graph, calibration_data(name, x) if with_data else None))
    scores = run_oracle(quantized, sample_bytes(quantized.sample, x))
    return float((scores.argmax(axis=1) == golden["logits"].argmax(axis=1)).mean())


AGREEMENT = 0.95  # of 64 published inputs: at most 3 may differ
AGREEMENT_WITHOUT_DATA = 0.92


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_labels_with_data(name: str) -> None:
    assert agreement(name, with_data=True) >= AGREEMENT


@pytest.mark.parametrize("name", [name for name in CHECKPOINTS if name != KEYWORDS])
def test_labels_without_data(name: str) -> None:
    assert agreement(name, with_data=False) >= AGREEMENT_WITHOUT_DATA
