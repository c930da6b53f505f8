"""Multipliers and shifts stand for the real multiplier, and nothing overflows."""

from __future__ import annotations

import numpy as np
import pytest
from freeml_pack.quantize.requant import requantization
from hypothesis import given
from hypothesis import strategies as st

BOUNDS = st.floats(1.0, 2.0**31 - 1)


@given(st.floats(2.0**-30, 2.0**14), BOUNDS)
def test_relative_error(real: float, bound: float) -> None:
    requant = requantization(np.array([real]), np.array([bound]))
    multiplier, shift = int(requant.multiplier[0]), int(requant.shift[0])
    stands_for = multiplier * 2.0 ** (requant.left_shift - 16 - shift)
    assert 0 <= multiplier <= 32767
    assert 1 <= shift <= 31
    if shift == 31:  # the multiplier is so small that it changes nothing: real * bound is below one
        assert abs(stands_for - real) <= 2.0 ** (requant.left_shift - 48)
    elif real < 2.0 ** (requant.left_shift - 2):
        assert abs(stands_for / real - 1.0) < 2.0**-14


@given(st.lists(BOUNDS, min_size=1, max_size=4))
def test_left_shift_is_the_largest_that_fits(bounds: list[float]) -> None:
    left_shift = requantization(np.full(len(bounds), 0.01), np.array(bounds)).left_shift
    assert max(bounds) * 2**left_shift <= 2**31 - 1
    assert left_shift == 15 or max(bounds) * 2 ** (left_shift + 1) > 2**31 - 1


def test_zero_multiplier() -> None:
    assert requantization(np.array([0.0]), np.array([100.0])).multiplier[0] == 0


def test_bound_outside_int32_is_refused() -> None:
    with pytest.raises(ValueError, match="int32"):
        requantization(np.array([0.5]), np.array([2.0**31]))
