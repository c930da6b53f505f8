"""From the int8 scores of a network to its answer."""

from __future__ import annotations

import numpy as np

from freeml_pack.graph import OutputTransform


def int8_labels(scores: np.ndarray, zero_point: int) -> np.ndarray:
    """int64 [N] classes of int8 scores [N, outputs]; of a network with one output, whether it says yes."""
    if scores.shape[1] > 1:
        return scores.argmax(axis=1)
    return (scores[:, 0] > zero_point).astype(np.int64)


def real_scores(scores: np.ndarray, scale: float, zero_point: int, transform: OutputTransform) -> np.ndarray:
    """float64 [outputs]: what the original network returns for int8 scores [outputs]."""
    real = (scores.astype(np.float64) - zero_point) * scale
    if transform == OutputTransform.SIGMOID:
        return 0.5 + 0.5 * np.tanh(0.5 * real)
    if transform in (OutputTransform.SOFTMAX, OutputTransform.LOG_SOFTMAX):
        logarithms = real - np.logaddexp.reduce(real)
        return np.exp(logarithms) if transform == OutputTransform.SOFTMAX else logarithms
    return real


def probabilities(scores: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(scores / temperature) over the last axis; scores: int8."""
    shifted = (scores - scores.max(-1, keepdims=True).astype(np.float64)) / temperature
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(-1, keepdims=True))
