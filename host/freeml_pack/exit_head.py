"""The shared exit head: one linear layer over the pooled features of all depths, summed up depth by depth, so that nothing is
kept from one exit to the next but a number per class. After gNet of Farina et al., "Memory-efficient Energy-adaptive Inference
of Pre-Trained Models on Batteryless Embedded Systems" (2024), made incremental."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Depth:
    """One exit of the head. With the sums s of the depths before (0 at the first), s += weight . pool(source), and the scores
    are scale * s + bias."""

    source: str  # tensor of the graph
    pool: tuple[int, int]  # rows, columns of the adaptive average pool; the source's own: none
    weight: np.ndarray  # float32 [classes, rows, columns, channels]
    scale: float  # > 0
    bias: np.ndarray  # float32 [classes]
    feature_range: tuple[float, float]  # of pool(source) on the training samples
    score_range: tuple[float, float]
    moments: np.ndarray  # float32 [taps + 1, taps + 1]: sum of v v^T over v = (pool(source), 1)
