"""Rounding that makes errors good in the columns not rounded yet."""

from __future__ import annotations

import numpy as np
import pytest
from freeml_pack.quantize import rounding


@pytest.mark.parametrize("groups", [1, 3])
def test_blocks_change_nothing_but_the_speed(groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    taps, outputs = 2 * rounding._BLOCK + 5, 12
    weight, bias = random.normal(size=(outputs, taps)), random.normal(size=outputs)
    seen = random.normal(size=(groups, 400, taps)) @ random.normal(size=(taps, taps))  # the taps are correlated
    seen = np.concatenate([seen, np.ones((groups, 400, 1))], axis=2)
    arguments = (weight, bias, np.abs(weight).max(axis=1) / 127, seen.transpose(0, 2, 1) @ seen)
    integers, corrected = rounding.round_weights(*arguments)
    monkeypatch.setattr(rounding, "_BLOCK", taps)
    at_once, corrected_at_once = rounding.round_weights(*arguments)
    assert (integers != at_once).mean() < 0.001  # a tie may fall the other way
    np.testing.assert_allclose(corrected, corrected_at_once, rtol=1e-3, atol=1e-3)
    assert (integers != np.rint(weight / arguments[2][:, None])).any()
