"""What a kept multiply-accumulate takes in each encoding, counted on a Cortex-M3: the figures that plans rely on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from freeml_pack.graph import Encoding
from freeml_pack.targets import ONE_PIXEL, EncodedMac

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import instructions
import kernel_cost

DENSE = (Encoding.DENSE_8, Encoding.DENSE_4, Encoding.OFFSET_8)
pytestmark = pytest.mark.xdist_group("kernel cost")  # measured once

ENCODED = [encoding for encoding in Encoding if encoding != Encoding.DENSE_8]
SMALLER = [encoding for encoding in ENCODED if encoding != Encoding.OFFSET_8]  # that one is for linear layers


FEW, MANY = 0.2, 0.4  # kept; of more, longer lists than one sum holds


@pytest.fixture(scope="module")
def operators() -> dict[float, dict[str, dict[str, float]]]:
    """{density: {shape: {encoding: instructions of the whole operator for a product}}}"""
    if lacking := instructions.missing(*instructions.CORES[kernel_cost.CORE].tools):
        pytest.skip(lacking)
    return {density: kernel_cost.measure(kernel_cost.CORE, ["-Os"], density) for density in (FEW, MANY)}


@pytest.fixture(scope="module")
def products(operators: dict[float, dict[str, dict[str, float]]]) -> dict[str, dict[Encoding, float]]:
    """{shape: {encoding: instructions of the inner loops for a product}}: what two densities differ by."""
    results: dict[str, dict[Encoding, float]] = {}
    few, many = operators[FEW], operators[MANY]
    for shape in kernel_cost.SHAPES:
        sparse = {
            encoding: (MANY * many[shape][encoding.name] - FEW * few[shape][encoding.name]) / (MANY - FEW)
            for encoding in Encoding
            if encoding not in DENSE
        }
        # What each weight takes, whatever is kept: the same in all encodings, about.
        rest = FEW * (few[shape]["BLOCK_SPARSE_8"] - sparse[Encoding.BLOCK_SPARSE_8])
        results[shape] = sparse | {encoding: few[shape][encoding.name] - rest for encoding in DENSE}
    return results


@pytest.mark.parametrize("encoding", ENCODED, ids=lambda e: e.name)
def test_figures_of_the_targets(products: dict[str, dict[Encoding, float]], encoding: Encoding) -> None:
    dense = products["3x3, 64 in"][Encoding.DENSE_8]
    assert products["3x3, 64 in"][encoding] / dense == pytest.approx(EncodedMac().of(encoding), rel=0.1)
    assert products["linear"][encoding] / dense == pytest.approx(ONE_PIXEL.of(encoding), rel=0.1)


# Instructions of a dense product when the bounds below were set, which are in those: dense kernels have become faster since.
CONVOLUTIONS = {"conv 3x3": 2.06, "3x3, 64 in": 2.02, "conv 1x1": 2.26}


@pytest.mark.parametrize("encoding", SMALLER, ids=lambda e: e.name)
def test_a_kept_product_takes_two_instructions(products: dict[str, dict[Encoding, float]], encoding: Encoding) -> None:
    """Or fewer, as in dense layers, in convolutions whose windows are small enough for eight pixels at a time."""
    for shape in ("conv 3x3", "conv 1x1"):
        assert products[shape][encoding] <= 1.95


@pytest.mark.parametrize(
    ("density", "most"),
    [(MANY, {Encoding.SPARSE_4: 1.4}), (FEW, {Encoding.SPARSE_8: 1.5, Encoding.BLOCK_SPARSE_8: 1.6, Encoding.DENSE_4: 1.0})],
)
def test_whole_operators(
    operators: dict[float, dict[str, dict[str, float]]], density: float, most: dict[Encoding, float]
) -> None:
    """Gathering windows and requantization included, of which fewer products have to bear more."""
    otherwise = 1.3 if density == MANY else 1.75
    for shape, dense in CONVOLUTIONS.items():
        cost = operators[density][shape]
        assert cost["DENSE_8"] <= dense
        for encoding in SMALLER:
            assert cost[encoding.name] <= most.get(encoding, otherwise) * dense, (shape, encoding)
