"""What a kept multiply-accumulate takes in each encoding, counted on a Cortex-M3: the figures that plans rely on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from freeml_pack.graph import Encoding
from freeml_pack.targets import EncodedMac

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import kernel_cost


def test_figures_of_the_targets() -> None:
    """Of the inner loops alone: the difference between two densities."""
    for tool in (kernel_cost.COMPILER, kernel_cost.QEMU):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is missing")
    few, many = (kernel_cost.measure(["-Os"], density)["conv 3x3"] for density in (0.2, 0.6))

    def of_a_product(encoding: Encoding) -> float:
        return (0.6 * many[encoding.name] - 0.2 * few[encoding.name]) / 0.4

    rest = 0.2 * (few["BLOCK_SPARSE_8"] - of_a_product(Encoding.BLOCK_SPARSE_8))  # for each weight, whatever is kept
    dense = few["DENSE_8"] - rest
    for encoding in Encoding:
        if encoding != Encoding.DENSE_8:
            product = few["DENSE_4"] - rest if encoding == Encoding.DENSE_4 else of_a_product(encoding)
            assert product / dense == pytest.approx(EncodedMac().of(encoding), rel=0.1), encoding.name
