"""Confidence that can be taken at its word: a temperature for each depth (Guo et al., "On Calibration of Modern Neural
Networks", 2017), from the int8 scores of samples that the head was not trained on."""

from __future__ import annotations

import numpy as np

from freeml_pack.scores import probabilities

_TEMPERATURES = np.geomspace(0.25, 256.0, 241)
_BINS = 15


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """The temperature at which the labels are likeliest. scores: int8 [N, classes]"""
    wide = scores.astype(np.float64)
    best = min(_TEMPERATURES, key=lambda temperature: _surprise(wide, labels, float(temperature)))
    return float(np.float32(best))


def _surprise(scores: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    chosen = probabilities(scores, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def calibration_error(scores: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    """Expected calibration error, 0..1: difference of confidence and accuracy, over 15 bins of equal width."""
    found = probabilities(scores, temperature)
    confidence, right = found.max(1), found.argmax(1) == labels
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).sum() for b in np.unique(bins)]
    return float(np.sum(gaps) / len(labels))
