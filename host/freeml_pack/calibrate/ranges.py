"""Range of every tensor: which real numbers its 256 integers have to reach. And what the rounding of weights wants to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from freeml_pack.activations import inner_name, preactivation
from freeml_pack.calibrate.clipping import Histogram
from freeml_pack.calibrate.moments import Moments
from freeml_pack.calibrate.synthetic import REACH, synthetic_inputs
from freeml_pack.errors import PackError
from freeml_pack.evaluate import evaluate
from freeml_pack.graph import Graph, Quantize

Progress = Callable[[int, int], None]
Range = tuple[float, float]
"""(lowest, highest)"""
_BATCH = 16
_LARGEST = 1e15  # of an activation; squares of larger ones leave float32, and no model that works has them
_SCORES_MARGIN = 0.25  # without data: what the largest score may exceed the largest seen by, in widths of the range


@dataclass(frozen=True, eq=False)
class Calibration:
    ranges: dict[str, Range]
    """(low, high) of every tensor, and under `preactivation(name)` of what goes into each activation that is not a clamp."""
    moments: dict[str, np.ndarray] = field(default_factory=dict)
    """By output of a convolution or linear layer, see `freeml_pack.quantize.rounding`."""


def calibrate(
    graph: Graph, x: np.ndarray | None, progress: Progress | None = None, input_range: Range | None = None
) -> Calibration:
    """x: float32 [N, *graph.sample.shape], normalised; a few hundred samples are enough. progress: called with (done, total).

    With data, the input and the scores keep their whole range; every other tensor is clipped where that lowers its squared
    error. Without (x = None), noise goes through the network, brought back to the statistics of the batch norms
    (`Tensor.stats`) at each layer that has them; it fills input_range, which the input keeps, or is standardised.
    PackError where values become infinite or NaN."""
    if x is None:
        return _calibrate_blindly(graph, progress or (lambda done, total: None), input_range)
    batches = [x[begin : begin + _BATCH] for begin in range(0, len(x), _BATCH)]
    report = progress or (lambda done, total: None)
    extremes = _Extremes(graph)
    for done, batch in enumerate(batches):
        evaluate(graph, batch, hook=extremes.see)
        report(done + 1, 2 * len(batches))
    ranges = extremes.checked()
    whole = {graph.output} | {op.output for op in graph if isinstance(op, Quantize)}
    histograms = {name: Histogram(*ranges[name]) for name in ranges.keys() - whole}
    moments = Moments(graph)

    def count(name: str, value: np.ndarray) -> None:
        if name in histograms:
            histograms[name].add(value)
        moments.add(name, value)

    for done, batch in enumerate(batches):
        evaluate(graph, batch, hook=count)
        report(len(batches) + done + 1, 2 * len(batches))
    return Calibration(
        {name: histograms[name].best_range() if name in histograms else ranges[name] for name in ranges}, moments.sums
    )


class _Extremes:
    """Lowest and highest value of each tensor and look-up input."""

    def __init__(self, graph: Graph) -> None:
        self._wanted = {*graph.tensors, *(inner_name(op) for op in graph)}
        self.ranges: dict[str, Range] = {}

    def see(self, name: str, value: np.ndarray) -> None:
        if name in self._wanted:
            low, high = self.ranges.get(name, (np.inf, -np.inf))
            self.ranges[name] = (min(low, float(value.min())), max(high, float(value.max())))

    def checked(self) -> dict[str, Range]:
        for name, (low, high) in self.ranges.items():
            if not (np.isfinite(low) and np.isfinite(high)):
                raise PackError(
                    f"{name} becomes infinite or NaN in calibration: check the normalisation and the model's weights."
                )
            if max(-low, high) > _LARGEST:
                raise PackError(
                    f"{name} becomes as large as {max(-low, high):.0e} in calibration: check the normalisation and the model's "
                    "weights."
                )
        return self.ranges


def _calibrate_blindly(graph: Graph, report: Progress, input_range: Range | None) -> Calibration:
    x = synthetic_inputs(graph.sample.shape)
    if input_range is None:
        x = x * _input_scale(graph, x[:_BATCH])
    else:
        x = np.interp(x, (-REACH, REACH), input_range).astype(np.float32)
    statistics = {preactivation(name): tensor.stats for name, tensor in graph.tensors.items() if tensor.stats is not None}
    extremes, moments = _Extremes(graph), Moments(graph)

    def normalise(name: str, value: np.ndarray) -> np.ndarray | None:
        if name in statistics:
            mean, deviation = statistics[name]
            value = (value - value.mean(axis=(0, 1, 2))) / (value.std(axis=(0, 1, 2)) + 1e-9) * deviation + mean
        extremes.see(name, value)
        moments.add(name, value)
        return value

    evaluate(graph, x, hook=normalise)
    report(1, 1)
    ranges = extremes.checked()
    low, high = ranges[graph.output]
    ranges[graph.output] = (low, high + _SCORES_MARGIN * (high - low))
    if input_range is not None:
        ranges |= {op.output: input_range for op in graph if isinstance(op, Quantize)}
    return Calibration(ranges, moments.sums)


def _input_scale(graph: Graph, x: np.ndarray) -> float:
    """By how much the model's inputs are larger than standardised ones, as the first batch norm knows; 1 within a factor
    of 3, which is what noise in the place of real inputs can make out."""
    first = next((op.output for op in graph if graph.tensors[op.output].stats is not None), None)
    if first is None:
        return 1.0
    seen: list[np.ndarray] = []
    evaluate(
        graph, x, hook=lambda name, value: seen.append(value.std(axis=(0, 1, 2))) if name == preactivation(first) else None
    )
    _, deviation = graph.tensors[first].stats  # type: ignore[misc]
    ratio = float(np.median(deviation / (seen[0] + 1e-9)))
    return ratio if not 1 / 3 < ratio < 3 else 1.0
