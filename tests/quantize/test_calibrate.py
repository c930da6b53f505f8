"""Ranges: with data they cover what occurs, without data they live on batch-norm statistics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from freeml_pack.calibrate import calibrate
from freeml_pack.calibrate.clipping import Histogram
from freeml_pack.calibrate.synthetic import REACH, synthetic_inputs
from freeml_pack.errors import PackError
from freeml_pack.evaluate import evaluate
from freeml_pack.graph import Activation, Graph, Quant, Window
from freeml_pack.quantize.scales import quant_of_range
from quantize.builder import Builder
from quantize.networks import NETWORKS


def batch_normed(input_scale: float = 1.0) -> Graph:
    """Convolution with a folded batch norm that makes its output standard for inputs of this size."""
    random, b = np.random.default_rng(0), Builder(16, 16, 3)
    weight = random.normal(size=(8, 3, 3, 3)).astype(np.float32) / input_scale / 27**0.5
    x = b.conv(b.input, weight, np.zeros(8, np.float32), Window((3, 3)), Activation("relu"))
    y = b.conv(x, random.normal(size=(4, 1, 1, 8)).astype(np.float32), np.zeros(4, np.float32), Window((1, 1)))
    mean, deviation = np.array([0.0, 40.0, 0.0, 0.0], np.float32), np.array([1.0, 1.0, 5.0, 1.0], np.float32)
    return b.graph(y, {x: (np.zeros(8, np.float32), np.ones(8, np.float32)), y: (mean, deviation)})


def test_input_and_scores_keep_their_range_and_others_stay_inside() -> None:
    graph = NETWORKS["plain"]()
    x = np.random.default_rng(0).normal(size=(100, *graph.sample.shape)).astype(np.float32)
    values = evaluate(graph, x, keep=lambda name: True)
    ranges = calibrate(graph, x).ranges
    for name, value in values.items():
        low, high = ranges[name]
        assert value.min() - 1e-6 <= low <= 0.0 <= high <= value.max() + 1e-6 or name in (graph.output, "t0")
        assert high - low > 0.3 * (value.max() - value.min())
    for name in (graph.output, "t0"):
        assert ranges[name] == pytest.approx((values[name].min(), values[name].max()))


def test_progress_ends_at_its_total() -> None:
    calls: list[tuple[int, int]] = []
    graph = NETWORKS["plain"]()
    calibrate(graph, np.zeros((40, *graph.sample.shape), np.float32), lambda done, total: calls.append((done, total)))
    assert [done for done, _ in calls] == list(range(1, calls[-1][1] + 1))


def dequantized(values: np.ndarray, quant: Quant) -> np.ndarray:
    return (np.clip(np.rint(values / quant.scale) + quant.zero_point, -128, 127) - quant.zero_point) * quant.scale


def test_outliers_are_clipped_only_where_that_pays() -> None:
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(size=200_000), [30.0]])
    clipped = Histogram(values.min(), values.max())
    clipped.add(values)

    def error(low: float, high: float) -> float:
        quant = quant_of_range(low, high)
        return float(np.square(dequantized(values, quant) - values).mean())

    assert error(*clipped.best_range()) < 0.8 * error(values.min(), values.max())
    even = Histogram(-1.0, 1.0)
    even.add(random.uniform(-1.0, 1.0, 10_000))
    assert even.best_range() == (-1.0, 1.0)


def test_values_that_explode_are_named() -> None:
    graph = NETWORKS["plain"]()
    broken = graph.with_(ops=tuple(replace(op, bias=op.bias * np.inf) if op.output == "t1" else op for op in graph))
    with pytest.raises(PackError, match="t1"), np.errstate(invalid="ignore"):
        calibrate(broken, np.ones((4, *graph.sample.shape), np.float32))


def test_batch_norm_statistics_set_the_ranges_without_data() -> None:
    graph = batch_normed()
    low, high = calibrate(graph, None).ranges[graph.output]
    assert -60.0 < low < -10.0  # channel 2: five times its deviation
    assert 42.0 < high < 90.0  # channel 1


@pytest.mark.parametrize("input_scale", [1e-2, 1.0, 100.0])
def test_first_batch_norm_tells_how_large_the_input_is(input_scale: float) -> None:
    low, high = calibrate(batch_normed(input_scale), None).ranges["t0"]
    assert input_scale <= high <= 9 * input_scale
    assert -9 * input_scale <= low <= -input_scale


def test_raw_inputs_without_data() -> None:
    """Inputs of 0..255 that no normalisation comes before: ranges that are told reach as far as those of such data."""
    graph = NETWORKS["plain"]()
    raw = np.random.default_rng(0).uniform(0, 255, (32, *graph.sample.shape)).astype(np.float32)
    seen, guessed = calibrate(graph, raw).ranges, calibrate(graph, None).ranges
    told = calibrate(graph, None, input_range=(0.0, 255.0)).ranges
    assert told["t0"] == (0.0, 255.0)
    assert guessed["t0"][1] <= REACH
    for name, (low, high) in seen.items():
        width = told[name][1] - told[name][0]
        assert 0.5 * (high - low) < width < 10 * (high - low), name
        assert guessed[name][1] - guessed[name][0] < 0.5 * (high - low), name


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 49, 10), (9, 128), (20,), (1, 1, 1), (2, 1, 5)])
def test_synthetic_inputs(shape: tuple[int, ...]) -> None:
    x = synthetic_inputs(shape)
    assert x.shape == (64, *shape)
    assert np.abs(x).max() <= REACH
    assert np.isfinite(x).all()
    assert (x == synthetic_inputs(shape)).all()
    assert len(np.unique(x[:, 0].reshape(64, -1)[:, 0])) > 32
