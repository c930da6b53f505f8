"""Histogram of one tensor, and the range to quantize it with that loses least."""

from __future__ import annotations

import numpy as np

_BINS = 2048
_CANDIDATES = np.linspace(1.0, 0.3, 36)  # of each end of the range
_STEPS = 255


class Histogram:
    """Counts of values within low..high, zeros left out: a zero is exact whatever the range."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = min(low, 0.0), max(high, 0.0)
        self._counts = np.zeros(_BINS)

    def add(self, values: np.ndarray) -> None:
        width = self.high - self.low
        if width > 0.0:
            self._counts += np.histogram(values[values != 0.0], _BINS, (self.low, self.high))[0]

    def best_range(self) -> tuple[float, float]:
        """(low, high) with the least mean squared error: rounding inside (step^2 / 12), clipping outside."""
        centres = self.low + (np.arange(_BINS) + 0.5) * (self.high - self.low) / _BINS
        lows, highs = self.low * _CANDIDATES, self.high * _CANDIDATES
        above = np.array([(self._counts * np.maximum(centres - high, 0.0) ** 2).sum() for high in highs])
        below = np.array([(self._counts * np.maximum(low - centres, 0.0) ** 2).sum() for low in lows])
        steps = (highs[None, :] - lows[:, None]) / _STEPS
        errors = below[:, None] + above[None, :] + steps**2 / 12.0 * self._counts.sum()
        row, column = np.unravel_index(int(errors.argmin()), errors.shape)
        return float(lows[row]), float(highs[column])
