"""Scores as the host shows them are the scores that the device gives."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from freeml_pack.graph import OutputTransform
from freeml_pack.scores import real_scores

DEVICE = runpy.run_path(str(Path(__file__).resolve().parents[2] / "device" / "freeml" / "_scores.py"))


@pytest.mark.parametrize("transform", OutputTransform)
@pytest.mark.parametrize("scale", [0.02, 0.5, 3.0])
def test_they_are_the_devices(transform: OutputTransform, scale: float) -> None:
    scores = np.random.default_rng(0).integers(-128, 128, 10).astype(np.int8)
    expected = DEVICE["to_real"](scores.tolist(), scale, -7, int(transform))
    assert real_scores(scores, scale, -7, transform) == pytest.approx(expected)
