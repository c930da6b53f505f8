"""device/freeml/_scores.py runs under CPython, too: compared with numpy there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from freeml_pack.graph import OutputTransform
from hypothesis import given
from hypothesis import strategies as st

spec = importlib.util.spec_from_file_location(
    "scores", Path(__file__).resolve().parents[2] / "device" / "freeml" / "_scores.py"
)
assert spec
assert spec.loader
scores = importlib.util.module_from_spec(spec)
spec.loader.exec_module(scores)

int8s = st.lists(st.integers(-128, 127), min_size=1, max_size=8)


@given(int8s, st.floats(1e-3, 5.0), st.integers(-128, 127), st.sampled_from(OutputTransform))
def test_to_real(raw: list[int], scale: float, zero_point: int, transform: OutputTransform) -> None:
    real = (np.array(raw, float) - zero_point) * scale
    log_total = real.max() + np.log(np.exp(real - real.max()).sum())
    with np.errstate(over="ignore"):
        expected = {
            OutputTransform.NONE: real,
            OutputTransform.SOFTMAX: np.exp(real - log_total),
            OutputTransform.LOG_SOFTMAX: real - log_total,
            OutputTransform.SIGMOID: 1.0 / (1.0 + np.exp(-real)),
        }[transform]
    assert scores.to_real(raw, scale, zero_point, transform) == pytest.approx(expected, rel=1e-6, abs=1e-9)
