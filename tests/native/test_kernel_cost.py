"""What a kept multiply-accumulate takes in each encoding, counted on a Cortex-M3: the figures that plans rely on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from freeml_pack.graph import Encoding
from freeml_pack.targets import ONE_PIXEL, EncodedMac

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import kernel_cost

ENCODED = [encoding for encoding in Encoding if encoding != Encoding.DENSE_8]


@pytest.fixture(scope="module")
def factors() -> dict[str, dict[Encoding, float]]:
    """{shape: {encoding: what a product takes in the inner loops, in those of a dense layer}}: what two densities differ by."""
    for tool in (kernel_cost.COMPILER, kernel_cost.QEMU):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is missing")
    results: dict[str, dict[Encoding, float]] = {}
    few, many = (kernel_cost.measure(["-Os"], density) for density in (0.2, 0.6))
    for shape in kernel_cost.SHAPES:
        sparse = {
            encoding: (0.6 * many[shape][encoding.name] - 0.2 * few[shape][encoding.name]) / 0.4
            for encoding in ENCODED
            if encoding != Encoding.DENSE_4
        }
        # What each weight takes, whatever is kept: the same in all encodings, about.
        rest = 0.2 * (few[shape]["BLOCK_SPARSE_8"] - sparse[Encoding.BLOCK_SPARSE_8])
        sparse[Encoding.DENSE_4] = few[shape]["DENSE_4"] - rest
        results[shape] = {encoding: product / (few[shape]["DENSE_8"] - rest) for encoding, product in sparse.items()}
    return results


@pytest.mark.parametrize("encoding", ENCODED, ids=lambda e: e.name)
def test_figures_of_the_targets(factors: dict[str, dict[Encoding, float]], encoding: Encoding) -> None:
    assert factors["3x3, 64 in"][encoding] == pytest.approx(EncodedMac().of(encoding), rel=0.1)
    assert factors["linear"][encoding] == pytest.approx(ONE_PIXEL.of(encoding), rel=0.1)


@pytest.mark.parametrize("encoding", ENCODED, ids=lambda e: e.name)
def test_a_kept_product_takes_hardly_more_than_a_dense_one(
    factors: dict[str, dict[Encoding, float]], encoding: Encoding
) -> None:
    """In convolutions whose windows are small enough for eight at a time."""
    for shape in ("conv 3x3", "conv 1x1"):
        assert factors[shape][encoding] <= 1.3
