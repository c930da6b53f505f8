"""Range of every tensor: which real numbers its 256 integers have to reach."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from freeml_pack.clipping import Histogram
from freeml_pack.errors import PackError
from freeml_pack.evaluate import evaluate
from freeml_pack.graph import Graph, Quantize
from freeml_pack.scales import Range

Progress = Callable[[int, int], None]
_BATCH = 16


def calibrate(graph: Graph, x: np.ndarray | None, progress: Progress | None = None) -> dict[str, Range]:
    """(low, high) of every tensor, and under `preactivation(name)` of what goes into each activation that is not a clamp.

    x: float32 [N, *graph.sample.shape], normalised; a few hundred samples are enough. progress: called with (done, total).
    The input and the scores keep their whole range; every other tensor is clipped where that lowers its squared error."""
    assert x is not None
    batches = [x[begin : begin + _BATCH] for begin in range(0, len(x), _BATCH)]
    report = progress or (lambda done, total: None)
    extremes: dict[str, Range] = {}

    def widen(name: str, value: np.ndarray) -> None:
        low, high = extremes.get(name, (np.inf, -np.inf))
        extremes[name] = (min(low, float(value.min())), max(high, float(value.max())))

    for done, batch in enumerate(batches):
        evaluate(graph, batch, hook=widen)
        report(done + 1, 2 * len(batches))
    for name, (low, high) in extremes.items():
        if not (np.isfinite(low) and np.isfinite(high)):
            raise PackError(f"{name} becomes infinite or NaN on the calibration data: check the normalisation and the weights.")
    whole = {graph.output} | {op.output for op in graph if isinstance(op, Quantize)}
    histograms = {name: Histogram(*extremes[name]) for name in extremes.keys() - whole}

    def count(name: str, value: np.ndarray) -> None:
        if name in histograms:
            histograms[name].add(value)

    for done, batch in enumerate(batches):
        evaluate(graph, batch, hook=count)
        report(len(batches) + done + 1, 2 * len(batches))
    return {name: histograms[name].best_range() if name in histograms else extremes[name] for name in extremes}
