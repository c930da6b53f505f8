"""Runs an int8 graph in numpy, straight from schema/SPEC.md: what the C core is held to, bit for bit."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np

from freeml_pack.graph import (
    Add,
    AveragePool2d,
    Conv2d,
    Copy,
    DepthwiseConv2d,
    Fill,
    Graph,
    MaxPool2d,
    Multiply,
    Op,
    OpQuant,
    Quantize,
    Requant,
    Sample,
)
from freeml_pack.samples import DTYPES
from freeml_pack.windows import adaptive_bounds, patches, taps_inside


@overload
def run_oracle(graph: Graph, samples: np.ndarray, trace: Literal[False] = False) -> np.ndarray: ...
@overload
def run_oracle(graph: Graph, samples: np.ndarray, trace: Literal[True]) -> dict[str, np.ndarray]: ...
def run_oracle(graph: Graph, samples: np.ndarray, trace: bool = False) -> np.ndarray | dict[str, np.ndarray]:
    """Output of an int8 graph, int8 [N, elements of the output].

    samples: [N, *graph.sample.shape] in the sample's dtype, or the same as uint8 bytes [N, graph.sample.size].
    trace: return every tensor instead, int8 [N, H, W, C] by name.
    AssertionError where an accumulator leaves int32, which the packer has to rule out."""
    raw = _elements(graph.sample, samples)
    values: dict[str, np.ndarray] = {}
    for op in graph:
        shape = (len(raw), *graph.tensors[op.output].shape)
        inputs = [values[name].astype(np.int64) for name in op.inputs]
        if isinstance(op, Quantize | Copy | Fill):
            _move(
                graph, op, raw if isinstance(op, Quantize) else inputs, values.setdefault(op.output, np.zeros(shape, np.int8))
            )
        elif isinstance(op, Conv2d) and op.sums_out:
            values[op.output] = _int32(_accumulate(graph, op, inputs)).astype("<i4").view(np.int8)
        else:
            q = _constants(op)
            value = _clamp(q, _compute(graph, op, q, inputs))
            values[op.output] = (value if q.lookup is None else q.lookup[value + 128]).astype(np.int8)
    return values if trace else values[graph.output].reshape(len(raw), -1)


def _elements(sample: Sample, samples: np.ndarray) -> np.ndarray:
    """int64 [N, elements]"""
    assert sample.type is not None, "the graph is not quantized"
    dtype = DTYPES[sample.type]
    if samples.dtype == np.uint8 and samples.shape[1:] == (sample.size,):
        samples = np.ascontiguousarray(samples).view(dtype)
    if samples.dtype != dtype or samples[0].size != sample.elements:
        raise ValueError(f"expected {dtype} samples of shape {sample.shape}, found {samples.dtype} {samples.shape[1:]}")
    return samples.reshape(len(samples), -1).astype(np.int64)


def _constants(op: Op) -> OpQuant:
    assert op.q is not None, "the graph is not quantized"
    return op.q


def _int32(a: np.ndarray) -> np.ndarray:
    assert a.size == 0 or (a.min() >= -(2**31) and a.max() < 2**31), "accumulator leaves int32"
    return a


def _clamp(q: OpQuant, value: np.ndarray) -> np.ndarray:
    return np.clip(value, q.activation_min, q.activation_max)


def _requantize(a: np.ndarray, requant: Requant | None, index: np.ndarray | int | slice = slice(None)) -> np.ndarray:
    """`index` picks the constants of each element of a."""
    assert requant is not None
    multiplier, shift = (x.astype(np.int64)[index] for x in (requant.multiplier, requant.shift))
    assert ((multiplier >= 0) & (multiplier < 2**15) & (shift >= 1) & (shift <= 31)).all()
    t = (_int32(_int32(a) << requant.left_shift) * multiplier) >> 16
    return _int32(t + (np.int64(1) << (shift - 1))) >> shift


def _move(graph: Graph, op: Quantize | Copy | Fill, source: np.ndarray | list[np.ndarray], out: np.ndarray) -> None:
    q = _constants(op)
    if isinstance(op, Fill):
        out[...] = _zero_point(graph, op.output)
        return
    taken = source if isinstance(op, Quantize) else source[0].reshape(len(out), -1)
    value = taken[:, op.view.source.indices(op.view.space)]  # type: ignore[call-overload]
    if isinstance(op, Quantize):
        assert q.quantize is not None
        m, o, s = q.quantize.T
        value = _int32(value * m + o) >> s
    if not (isinstance(op, Copy) and q.lookup is not None):
        value = _clamp(q, value)
    out.reshape(len(out), -1)[:, op.view.destination.indices(op.view.space)] = (
        value if q.lookup is None else q.lookup[value + 128]
    )


def _zero_point(graph: Graph, tensor: str) -> int:
    quant = graph.tensors[tensor].quant
    assert quant is not None, "the graph is not quantized"
    return quant.zero_point


def _compute(graph: Graph, op: Op, q: OpQuant, inputs: list[np.ndarray]) -> np.ndarray:
    """The op's value before clamp and look-up, int64 [N, H, W, C]."""
    height, width, _ = graph.tensors[op.output].shape
    zeros = [_zero_point(graph, name) for name in op.inputs]
    zero_out = _zero_point(graph, op.output)
    x = inputs[0]
    match op:
        case Conv2d():
            return _pooled(_clamp(q, _requantize(_accumulate(graph, op, inputs), q.requant) + zero_out), op.pool)
        case DepthwiseConv2d():
            return _requantize(_accumulate(graph, op, inputs), q.requant) + zero_out
        case MaxPool2d():
            return patches(x, op.window, height, width, -128).max(axis=(3, 4))
        case AveragePool2d():
            sums, counts = _window_sums(op, x - zeros[0], height, width)
            assert q.requant is not None
            index = np.zeros_like(counts) if q.requant.multiplier.size == 1 else counts - 1
            return _requantize(sums, q.requant, index[..., None]) + zero_out
        case Add():
            assert q.add is not None
            m1, m2, s = q.add
            return (_int32((x - zeros[0]) * m1 + (inputs[1] - zeros[1]) * m2 + (1 << (s - 1))) >> s) + zero_out
        case Multiply():
            return _requantize((x - zeros[0]) * (inputs[1] - zeros[1]), q.requant, 0) + zero_out
    raise TypeError(f"{type(op).__name__} has no meaning in an int8 graph")


def _accumulate(graph: Graph, op: Conv2d | DepthwiseConv2d, inputs: list[np.ndarray]) -> np.ndarray:
    """bias + sum of x * w, before pooling. In float64, whose 53 bits hold every sum exactly: numpy multiplies integer matrices
    slowly."""
    q, x, zero = _constants(op), inputs[0], _zero_point(graph, op.inputs[0])
    height, width, _ = graph.tensors[op.output].shape
    before = np.zeros(1, np.int64)
    if isinstance(op, Conv2d):
        height, width = height * op.pool[0], width * op.pool[1]
        x = x[..., slice(*op.channel_range)] if op.channel_range else x
        before = inputs[1].astype(np.int8).view("<i4").astype(np.int64) if op.sums_in else before
    assert q.weight is not None
    assert q.bias is not None
    groups = op.groups if isinstance(op, Conv2d) else x.shape[3]
    weight = q.weight.reshape(groups, len(q.weight) // groups, -1).astype(np.float64)
    seen = patches(x.astype(np.float64), op.window, height, width, zero)
    depth = x.shape[3] // groups
    parts = [
        seen[..., group * depth : (group + 1) * depth].reshape(*seen.shape[:3], -1) @ weight[group].T for group in range(groups)
    ]
    return np.concatenate(parts, axis=3).astype(np.int64) + q.bias + before


def _pooled(x: np.ndarray, pool: tuple[int, int]) -> np.ndarray:
    """The largest of each pool[0] x pool[1] pixels."""
    n, height, width, channels = x.shape
    return np.asarray(x.reshape(n, height // pool[0], pool[0], width // pool[1], pool[1], channels).max(axis=(2, 4)))


def _window_sums(op: AveragePool2d, x: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum over the taps inside the input [N, height, width, C], their number [height, width]."""
    if not op.adaptive:
        return patches(x, op.window, height, width).sum(axis=(3, 4)), taps_inside(x.shape[1:], op.window, height, width)
    rows, columns = adaptive_bounds(x.shape[1], height), adaptive_bounds(x.shape[2], width)
    sums = np.stack([np.stack([x[:, a:b, c:d].sum(axis=(1, 2)) for c, d in columns], 1) for a, b in rows], 1)
    return sums, np.array([[(b - a) * (d - c) for c, d in columns] for a, b in rows])
