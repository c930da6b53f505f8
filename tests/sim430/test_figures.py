"""What `make msp430` prints: bounds of what whole networks and layers take on an MSP430FR5994."""

from __future__ import annotations

from pathlib import Path

import msp430_figures as figures
import pytest
from freeml_pack.firmware import msp430
from freeml_pack.graph import Encoding

# cycles a kept multiply-accumulate, without FRAM waits
LAYERS = {
    ("conv 3x3, 16 to 32", Encoding.DENSE_8): 8.1,
    ("conv 1x1, 64 to 64", Encoding.DENSE_8): 8.9,
    ("linear, 400 to 40", Encoding.DENSE_8): 10.3,
    ("conv 3x3, 16 to 32", Encoding.DENSE_4): 9.9,
    ("conv 3x3, 16 to 32", Encoding.SPARSE_8): 12.5,
    ("conv 3x3, 16 to 32", Encoding.SPARSE_4): 13.0,
    ("conv 3x3, 16 to 32", Encoding.BLOCK_SPARSE_8): 12.4,
    ("conv 3x3, 16 to 32", Encoding.BLOCK_SPARSE_4): 13.3,
    ("linear, 400 to 40", Encoding.DENSE_4): 13.8,
    ("linear, 400 to 40", Encoding.SPARSE_8): 14.7,
    ("linear, 400 to 40", Encoding.SPARSE_4): 18.1,
    ("linear, 400 to 40", Encoding.BLOCK_SPARSE_8): 15.3,
    ("linear, 400 to 40", Encoding.BLOCK_SPARSE_4): 16.1,
}


def test_demo_network(of_clang: msp430.Common, tmp_path: Path) -> None:
    blob, samples = figures.demo_network(tmp_path)
    found = figures.measure(blob, samples[0].tobytes(), of_clang, tmp_path)
    assert found.code_bytes <= 9_900
    assert found.sram_bytes <= 2_048
    assert found.cycles <= 3_480_000
    assert found.waits <= 0.07 * found.cycles
    assert found.commit_cycles <= 1_310
    assert found.recovery_cycles <= 8_200


def test_lenet5(of_clang: msp430.Common, tmp_path: Path) -> None:
    blob, samples = figures.lenet5(tmp_path)
    machine = figures.firmware(blob, of_clang, tmp_path)
    assert sum(layer.cycles for layer in figures.steps(machine, blob, samples[0].tobytes())) <= 5_480_000


@pytest.mark.parametrize(("shape", "encoding"), LAYERS)
def test_layer(shape: str, encoding: Encoding, of_clang: msp430.Common, tmp_path: Path) -> None:
    layer = figures.single_layer(shape, encoding, of_clang, tmp_path)
    assert layer.per_mac <= LAYERS[shape, encoding]
    assert layer.waits <= 0.1 * layer.cycles
