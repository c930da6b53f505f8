"""Float graph and ranges -> int8 graph: every constant of schema/SPEC.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from freeml_pack.activations import apply, clamp_bounds, inner_name, preactivation
from freeml_pack.calibrate import Calibration
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
    Quant,
    Quantize,
    Requant,
    Sample,
    Shape,
    Strides,
    Tensor,
    View,
)
from freeml_pack.quantize.codebook import codebook_in
from freeml_pack.quantize.conv import quantize_conv
from freeml_pack.quantize.requant import requantization
from freeml_pack.quantize.sample import quantize_sample_constants, sample_from_floats
from freeml_pack.quantize.scales import choose_quants
from freeml_pack.windows import adaptive_bounds, taps_inside


def quantize(graph: Graph, calibration: Calibration) -> Graph:
    """The int8 graph.

    Ops without a bias whose activation needs a look-up are split in two: a look-up table works on a value with the
    output's own zero point, and only a bias can shift it there."""
    graph = _split_lookups(graph)
    quants = choose_quants(graph, calibration.ranges)
    tensors = {name: replace(tensor, quant=quants[name]) for name, tensor in graph.tensors.items()}
    ops = tuple(replace(op, q=_constants(graph, op, quants, calibration)) for op in graph)
    return graph.with_(ops=ops, tensors=tensors, sample=_sample(graph, quants))


def _split_lookups(graph: Graph) -> Graph:
    ops: list[Op] = []
    tensors = dict(graph.tensors)
    for op in graph:
        if not isinstance(op, Add | Multiply | AveragePool2d) or clamp_bounds(op.activation) is not None:
            ops.append(op)
            continue
        name, shape = preactivation(op.output), tensors[op.output].shape
        tensors[name] = Tensor(name, shape)
        dense = Strides(0, shape[1] * shape[2], shape[2], 1)
        view = View(shape, dense, dense)
        ops.append(replace(op, output=name, activation=None))
        ops.append(Copy(name=f"{op.name}/activation", inputs=(name,), output=op.output, activation=op.activation, view=view))
    return graph.with_(ops=tuple(ops), tensors=tensors)


def _sample(graph: Graph, quants: Mapping[str, Quant]) -> Sample:
    if graph.sample.type is not None:
        return graph.sample
    first = next(op for op in graph if isinstance(op, Quantize))
    return sample_from_floats(graph.sample, quants[inner_name(first)])


def _constants(graph: Graph, op: Op, quants: Mapping[str, Quant], calibration: Calibration) -> OpQuant:
    inner, outer = quants[inner_name(op)], quants[op.output]
    inputs = [quants[name] for name in op.inputs]
    if isinstance(op, Copy):
        inner = inputs[0]
    same = inner == outer
    low, high = clamp_bounds(op.activation) or (-np.inf, np.inf)
    clamped = same and not isinstance(op, Fill)
    base = OpQuant(
        activation_min=_clamped_byte(low, outer, -128) if clamped else -128,
        activation_max=_clamped_byte(high, outer, 127) if clamped else 127,
        lookup=None if same and clamp_bounds(op.activation) is not None else _lookup(op, inner, outer),
    )
    if isinstance(op, Conv2d | DepthwiseConv2d):
        weight, moments = op.weight.reshape(len(op.weight), -1), calibration.moments.get(op.output)
        codebook = None
        if isinstance(op, Conv2d):
            codebook = op.codebook if op.codebook is not None else codebook_in(weight)
        constants = quantize_conv(weight, op.bias, moments, inputs[0], inner, outer.zero_point, codebook)
        return replace(
            base,
            weight=constants.weight.reshape(op.weight.shape),
            weight_scale=constants.weight_scale,
            bias=constants.bias,
            requant=constants.requant,
        )
    return replace(base, **_OTHER_KINDS[type(op)](graph, op, inputs, inner))


def _clamped_byte(bound: float, quant: Quant, unbounded: int) -> int:
    return unbounded if np.isinf(bound) else int(np.clip(round(bound / quant.scale) + quant.zero_point, -128, 127))


def _lookup(op: Op, inner: Quant, outer: Quant) -> np.ndarray:
    """int8 [256]"""
    real = (np.arange(-128, 128) - inner.zero_point) * inner.scale
    return to_int8(apply(op.activation, real), outer)


def to_int8(real: np.ndarray, quant: Quant) -> np.ndarray:
    """Nearest int8 of real numbers."""
    return np.clip(np.rint(real / quant.scale) + quant.zero_point, -128, 127).astype(np.int8)


def _average(graph: Graph, op: AveragePool2d, inputs: list[Quant], inner: Quant) -> dict:
    shape, output = graph.tensors[op.inputs[0]].shape, graph.tensors[op.output].shape
    return {"requant": average_requant(shape, output, op, inputs[0], inner)}


def average_requant(shape: Shape, output: Shape, op: AveragePool2d, before: Quant, after: Quant) -> Requant:
    """Constants of an average pool from a tensor of this shape to one of shape `output`."""
    height, width, _ = output
    if op.adaptive:
        rows, columns = adaptive_bounds(shape[0], height), adaptive_bounds(shape[1], width)
        counts = np.array([(b - a) * (d - c) for a, b in rows for c, d in columns])
    else:
        counts = taps_inside(shape, op.window, height, width)
    if op.divisor is not None or counts.min() == counts.max():
        divisors = np.array([op.divisor or counts.max()])
    else:
        divisors = np.arange(1, counts.max() + 1)
    return requantization(before.scale / (after.scale * divisors), np.array([255.0 * counts.max()]))


def _add(graph: Graph, op: Add, inputs: list[Quant], inner: Quant) -> dict:
    first, second = inputs[0].scale / inner.scale, op.sign * inputs[1].scale / inner.scale
    # 15 bits for the larger multiplier; 255 * 2^15 * 2 + 2^22 stays far inside int32. Beyond 2^14 every output saturates.
    shift = int(np.clip(14 - np.floor(np.log2(max(first, abs(second)))), 1, 23))
    multipliers = [int(np.clip(np.rint(np.ldexp(m, shift)), -32767, 32767)) for m in (first, second)]
    return {"add": (multipliers[0], multipliers[1], shift)}


def _multiply(graph: Graph, op: Multiply, inputs: list[Quant], inner: Quant) -> dict:
    return {"requant": requantization(np.array([inputs[0].scale * inputs[1].scale / inner.scale]), np.array([255.0**2]))}


def _quantize(graph: Graph, op: Quantize, inputs: list[Quant], inner: Quant) -> dict:
    return {"quantize": quantize_sample_constants(graph.sample, op, inner)}


_OTHER_KINDS: dict[type[Op], Callable[..., dict]] = {
    AveragePool2d: _average,
    Add: _add,
    Multiply: _multiply,
    Quantize: _quantize,
    MaxPool2d: lambda *_: {},
    Copy: lambda *_: {},
    Fill: lambda *_: {},
}
