"""From the int8 scores of a network to its answer."""

from __future__ import annotations

import numpy as np


def int8_labels(scores: np.ndarray, zero_point: int) -> np.ndarray:
    """int64 [N] classes of int8 scores [N, outputs]; of a network with one output, whether it says yes."""
    if scores.shape[1] > 1:
        return scores.argmax(axis=1)
    return (scores[:, 0] > zero_point).astype(np.int64)
