"""int8 graphs against the float graph: operator by operator to the last bit but one, and whole networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from freeml_pack.activations import clamp_bounds, preactivation
from freeml_pack.calibrate import Calibration, calibrate
from freeml_pack.errors import PackError
from freeml_pack.evaluate import evaluate
from freeml_pack.graph import (
    Activation,
    Conv2d,
    Copy,
    DepthwiseConv2d,
    Graph,
    Normalisation,
    Op,
    Quant,
    Sample,
    SampleType,
    Window,
)
from freeml_pack.oracle import run_oracle
from freeml_pack.quantize import quantize
from freeml_pack.quantize.conv import quantize_conv
from freeml_pack.quantize.scales import quant_of_range
from freeml_pack.samples import sample_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from quantize.builder import Builder
from quantize.networks import NETWORKS

POINT = Window((1, 1))


def samples(graph: Graph, count: int = 24, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, *graph.sample.shape)).astype(np.float32)


def dequantize(q: np.ndarray, quant: Quant) -> np.ndarray:
    return ((q.astype(np.float32) - quant.zero_point) * quant.scale).astype(np.float32)


def with_rounded_weights(op: Op) -> Op:
    if not isinstance(op, Conv2d | DepthwiseConv2d):
        return op
    assert op.q is not None
    weight = op.q.weight * op.q.weight_scale.reshape(-1, *[1] * (op.weight.ndim - 1))
    return replace(op, weight=weight.astype(np.float32))


def tolerances(graph: Graph, ranges: dict[str, tuple[float, float]]) -> dict[str, float]:
    """By tensor, in its own last bits: 0.5 for rounding, more where the bias is rounded coarsely or a look-up follows."""
    allowed = dict.fromkeys(graph.tensors, 0.52)
    for op in graph:
        if isinstance(op, Conv2d | DepthwiseConv2d):
            requant = op.q.requant
            allowed[op.output] += 0.5 * float((requant.multiplier * 2.0 ** (requant.left_shift - 16 - requant.shift)).max())
        if clamp_bounds(op.activation) is None and not isinstance(op, Copy):
            before = quant_of_range(*ranges[preactivation(op.output)]).scale
            allowed[op.output] += 0.52 * 1.13 * before / graph.tensors[op.output].quant.scale  # 1.13: steepest of the functions
    return allowed


@pytest.mark.parametrize("name", NETWORKS)
def test_each_operator_is_the_nearest_byte(name: str) -> None:
    """Every op gets the int8 values that the oracle gave it, as real numbers; its real result rounds to the oracle's."""
    graph = NETWORKS[name]()
    x = samples(graph)
    ranges = {name: (1.05 * low, 1.05 * high) for name, (low, high) in calibrate(graph, None).ranges.items()}
    quantized = quantize(graph, Calibration(ranges))
    trace = run_oracle(quantized, sample_bytes(quantized.sample, x), trace=True)
    allowed = tolerances(quantized, ranges)
    worst: dict[str, float] = {}

    def compare(tensor: str, value: np.ndarray) -> np.ndarray | None:
        if tensor not in trace or (tensor.endswith("/pre") and quantized.producers(tensor) == ()):
            return None
        quant = quantized.tensors[tensor].quant
        exact = np.clip(value / quant.scale + quant.zero_point, -128, 127)
        worst[tensor] = float(np.abs(exact - trace[tensor]).max())
        return dequantize(trace[tensor], quant)

    rounded = quantized.with_(ops=tuple(with_rounded_weights(op) for op in quantized))
    evaluate(rounded, x, hook=compare)
    first = graph.ops[0].output
    assert {tensor: error for tensor, error in worst.items() if error > allowed[tensor] and tensor != first} == {}
    assert worst.keys() == quantized.tensors.keys()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("with_data", [True, False])
def test_network_stays_close(name: str, with_data: bool) -> None:
    graph = NETWORKS[name]()
    x = samples(graph, 64)
    quantized = quantize(graph, calibrate(graph, samples(graph, 128, seed=1) if with_data else None))
    expected = evaluate(graph, x)[graph.output].reshape(len(x), -1)
    output = run_oracle(quantized, sample_bytes(quantized.sample, x))
    error = dequantize(output, quantized.tensors[graph.output].quant) - expected
    assert np.sqrt(np.square(error).mean()) < (0.06 if with_data else 0.15) * expected.std()


def test_weight_rounding_keeps_outputs_better_than_nearest() -> None:
    graph = NETWORKS["plain"]()
    x, calibration = samples(graph, 256), calibrate(graph, samples(graph, 256, seed=1))
    expected = evaluate(graph, x)[graph.output]

    def error(moments: dict[str, np.ndarray]) -> float:
        quantized = quantize(graph, replace(calibration, moments=moments))
        return float(
            np.square(evaluate(graph.with_(ops=tuple(map(with_rounded_weights, quantized))), x)[graph.output] - expected).mean()
        )

    assert error(calibration.moments) < 0.7 * error({})


@settings(max_examples=200)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 1e-30, 1e-6, 1.0, 1e4]),
    st.sampled_from([0.0, 1e-6, 1.0, 1e3, 1e9]),
    st.sampled_from([1e-6, 1e-2, 1.0, 1e3]),
    st.sampled_from([1e-6, 1e-2, 1.0, 1e3]),
    st.integers(-128, 127),
    st.integers(-128, 127),
)
def test_any_weights_and_biases_stay_in_int32(
    seed: int, weights: float, biases: float, scale_in: float, scale_out: float, zero_in: int, zero_out: int
) -> None:
    """Also dead channels, huge biases beside tiny weights, and scales that do not fit each other."""
    random = np.random.default_rng(seed)
    weight = random.normal(size=(6, 50)) * weights * random.choice([0.0, 1e-3, 1.0], (6, 1))
    bias = random.normal(size=6) * biases
    constants = quantize_conv(weight, bias, None, Quant(scale_in, zero_in), Quant(scale_out, zero_out), -128)
    x = np.concatenate([np.full((1, 50), -128), np.full((1, 50), 127), random.integers(-128, 128, (8, 50))])
    worst = np.concatenate([x, np.where(constants.weight > 0, 127, -128), np.where(constants.weight > 0, -128, 127)])
    accumulator = worst.astype(np.int64) @ constants.weight.astype(np.int64).T + constants.bias
    assert np.abs(accumulator << constants.requant.left_shift).max() < 2**31
    shift = constants.requant.shift.astype(np.int64)
    t = ((accumulator << constants.requant.left_shift) * constants.requant.multiplier) >> 16
    q = np.clip(((t + (1 << (shift - 1))) >> shift) - 128, -128, 127)
    real = (worst - zero_in) * scale_in @ weight.T + bias
    ideal = np.clip(real / scale_out + zero_out, -128, 127)
    step = constants.weight_scale * scale_in / scale_out  # of the accumulator, in output bytes
    rounding = 0.5 * (1 + np.abs(worst - zero_in).sum(axis=1)[:, None]) * step
    assert (np.abs(q - ideal) <= 1.0 + 1.01 * rounding).all()


def test_dead_and_constant_channels() -> None:
    b = Builder(4, 4, 2)
    weight = np.zeros((4, 1, 1, 2), np.float32)
    weight[3] = 1e-20
    graph = b.graph(b.conv(b.input, weight, np.array([0.0, 0.5, -3.0, 1.0], np.float32), POINT))
    x = samples(graph)
    quantized = quantize(graph, calibrate(graph, x))
    output = run_oracle(quantized, sample_bytes(quantized.sample, x), trace=True)[graph.output]
    real = dequantize(output, quantized.tensors[graph.output].quant)
    assert np.abs(real - np.array([0.0, 0.5, -3.0, 1.0])).max() < 0.01


def test_all_zero_tensor() -> None:
    b = Builder(2, 2, 1)
    x = b.conv(b.input, -np.ones((1, 1, 1, 1), np.float32), np.full(1, -100.0, np.float32), POINT, Activation("relu"))
    graph = b.graph(b.conv(x, np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32), POINT))
    quantized = quantize(graph, calibrate(graph, samples(graph)))
    zero = quantized.tensors[graph.output].quant.zero_point
    assert (run_oracle(quantized, sample_bytes(quantized.sample, samples(graph))) == zero).all()


@pytest.mark.parametrize(
    ("sample_type", "dtype", "scale", "offset"),
    [
        (SampleType.UINT8, "u1", (1 / 255,), (0.0,)),
        (SampleType.UINT8, "u1", (1 / 58.4, 1 / 57.1), (-2.1, -2.03)),
        (SampleType.INT8, "i1", (0.01,), (0.2,)),
        (SampleType.INT16, "<i2", (3e-5, 1e-3), (0.0, 1.0)),
        (SampleType.UINT16, "<u2", (1e-4,), (-2.0,)),
    ],
)
def test_integer_samples(sample_type: SampleType, dtype: str, scale: tuple[float, ...], offset: tuple[float, ...]) -> None:
    b = Builder(5, 3, 2)
    graph = b.graph(b.input)
    graph = graph.with_(sample=Sample(graph.sample.shape, sample_type, Normalisation(scale, offset, 15)))
    limits = np.iinfo(dtype)
    raw = np.random.default_rng(0).integers(limits.min, limits.max, (40, 2, 5, 3), endpoint=True).astype(dtype)
    per_channel = [np.broadcast_to(np.array(v), 2).reshape(2, 1, 1) for v in (scale, offset)]
    real = (raw * per_channel[0] + per_channel[1]).transpose(0, 2, 3, 1)
    quantized = quantize(graph, Calibration({graph.output: (float(real.min()), float(real.max()))}))
    quant = quantized.tensors[graph.output].quant
    got = run_oracle(quantized, raw, trace=True)[graph.output]
    assert np.abs(got - np.clip(real / quant.scale + quant.zero_point, -128, 127)).max() < 0.52
    assert (run_oracle(quantized, sample_bytes(quantized.sample, raw)) == got.reshape(40, -1)).all()


def test_uint8_images_reach_the_network_unchanged() -> None:
    b = Builder(16, 16, 1)
    graph = b.graph(b.input)
    graph = graph.with_(sample=Sample((1, 16, 16), SampleType.UINT8, Normalisation((1 / 255,), (0.0,))))
    quantized = quantize(graph, Calibration({graph.output: (0.0, 1.0)}))
    assert quantized.ops[0].q.quantize.tolist() == [[1, -128, 0]]
    every = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    assert (run_oracle(quantized, every) == np.arange(-128, 128)).all()


def test_float_samples_are_quantized_outside() -> None:
    graph = NETWORKS["plain"]()
    quantized = quantize(graph, calibrate(graph, samples(graph)))
    assert quantized.sample.type is SampleType.INT8
    assert quantized.ops[0].q.quantize.tolist() == [[1, 0, 0]]


def test_unlike_scales_go_through_a_look_up_like_ones_are_shared() -> None:
    quantized = quantize(NETWORKS["branches"](), calibrate(NETWORKS["branches"](), None))
    copies = [op for op in quantized if isinstance(op, Copy)]
    assert [op.q.lookup is None for op in copies] == [False, True, False]
    for op in copies:
        same = quantized.tensors[op.inputs[0]].quant == quantized.tensors[op.output].quant
        assert same == (op.q.lookup is None)


def test_missing_range_is_named() -> None:
    with pytest.raises(PackError, match="t1"):
        quantize(NETWORKS["plain"](), Calibration({"t0": (0.0, 1.0)}))
