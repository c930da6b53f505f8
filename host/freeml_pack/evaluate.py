"""Runs a float graph in numpy: the reference that quantization is calibrated on and compared with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from freeml_pack.activations import apply, preactivation
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
    Quantize,
)
from freeml_pack.windows import adaptive_bounds, patches, taps_inside

_PATCH_BYTES = 32 << 20  # of unrolled windows at a time; stays near the caches and bounds the memory

Hook = Callable[[str, np.ndarray], np.ndarray | None]


def evaluate(
    graph: Graph, x: np.ndarray, keep: Callable[[str], bool] | None = None, hook: Hook | None = None
) -> dict[str, np.ndarray]:
    """Tensors of a float graph, each float32 [N, H, W, C], for x: [N, *graph.sample.shape], normalised already.

    keep: which tensors to return besides the output (default: none); all others are freed after their last use.
    hook: called with the name and value of each tensor once it is complete, and before that, where the op computes (does
    not just move bytes), with `preactivation(name)` and the value before the activation. An array that it returns replaces
    the value."""
    sample = np.ascontiguousarray(x, np.float32).reshape(len(x), -1)
    if x.shape[1:] != graph.sample.shape:
        raise ValueError(f"expected samples of shape {graph.sample.shape}, found {x.shape[1:]}")
    last_write, last_use = _lifetimes(graph)
    values: dict[str, np.ndarray] = {}
    for position, op in enumerate(graph):
        inputs = [values[name] for name in op.inputs]
        if isinstance(op, Quantize | Copy | Fill):
            buffer = values.setdefault(op.output, np.zeros((len(x), *graph.tensors[op.output].shape), np.float32))
            _move(op, sample if isinstance(op, Quantize) else inputs[0] if inputs else None, buffer)
        else:
            values[op.output] = _finish(op, _compute(graph, op, inputs), hook)
        if hook is not None and last_write[op.output] == position:
            changed = hook(op.output, values[op.output])
            values[op.output] = values[op.output] if changed is None else changed
        for name in {*op.inputs, op.output}:
            if last_use[name] <= position and name != graph.output and not (keep and keep(name)):
                del values[name]
    return values


def _lifetimes(graph: Graph) -> tuple[dict[str, int], dict[str, int]]:
    """Position of the last op that writes each tensor; position of the last that touches it."""
    last_write = {op.output: position for position, op in enumerate(graph)}
    last_use = dict(last_write)
    for position, op in enumerate(graph):
        last_use.update({name: max(position, last_use[name]) for name in op.inputs})
    return last_write, last_use


def _finish(op: Op, value: np.ndarray, hook: Hook | None) -> np.ndarray:
    if hook is not None:
        changed = hook(preactivation(op.output), value)
        value = value if changed is None else changed
    return apply(op.activation, value).astype(np.float32, copy=False)


def _move(op: Quantize | Copy | Fill, source: np.ndarray | None, buffer: np.ndarray) -> None:
    if isinstance(op, Fill) or source is None:
        buffer[...] = 0
        return
    moved = source.reshape(len(source), -1)[:, op.view.source.indices(op.view.space)]
    buffer.reshape(len(buffer), -1)[:, op.view.destination.indices(op.view.space)] = apply(op.activation, moved)


def _compute(graph: Graph, op: Op, inputs: list[np.ndarray]) -> np.ndarray:
    """The op's value before its activation."""
    height, width, _ = graph.tensors[op.output].shape
    x = inputs[0]
    match op:
        case Conv2d():
            return _conv(op, x, height, width)
        case DepthwiseConv2d():
            return _depthwise(op, x, height, width)
        case MaxPool2d():
            return patches(x, op.window, height, width, -np.inf).max(axis=(3, 4))
        case AveragePool2d(adaptive=True):
            return _adaptive_average(x, height, width)
        case AveragePool2d():
            return _average(op, x, height, width)
        case Add():
            return inputs[0] + op.sign * inputs[1]
        case Multiply():
            return inputs[0] * inputs[1]
    raise TypeError(f"{type(op).__name__} has no float meaning")


def _chunks(samples: int, bytes_per_sample: int) -> list[slice]:
    step = max(1, _PATCH_BYTES // max(1, bytes_per_sample))
    return [slice(begin, begin + step) for begin in range(0, samples, step)]


def _conv(op: Conv2d, x: np.ndarray, height: int, width: int) -> np.ndarray:
    out, kernel_h, kernel_w, depth = op.weight.shape
    group_out, taps = out // op.groups, kernel_h * kernel_w * depth
    result = np.empty((len(x), height, width, out), np.float32)
    for part in _chunks(len(x), height * width * taps * op.groups * 4):
        seen = patches(x[part], op.window, height, width)
        for group in range(op.groups):
            channels = slice(group * group_out, (group + 1) * group_out)
            matrix = seen[..., group * depth : (group + 1) * depth].reshape(-1, taps)
            product = matrix @ op.weight[channels].reshape(group_out, taps).T.astype(np.float32)
            result[part, ..., channels] = product.reshape(-1, height, width, group_out)
    return result + op.bias.astype(np.float32)


def _depthwise(op: DepthwiseConv2d, x: np.ndarray, height: int, width: int) -> np.ndarray:
    weight = op.weight.astype(np.float32).reshape(x.shape[3], -1, *op.window.kernel)
    result = np.empty((len(x), height, width, len(op.weight)), np.float32)
    for part in _chunks(len(x), height * width * len(op.weight) * weight[0, 0].size * 4):
        product = np.einsum("nhwijc,cmij->nhwcm", patches(x[part], op.window, height, width), weight, optimize=True)
        result[part] = product.reshape(result[part].shape)
    return result + op.bias.astype(np.float32)


def _average(op: AveragePool2d, x: np.ndarray, height: int, width: int) -> np.ndarray:
    divisor = op.divisor or taps_inside(x.shape[1:], op.window, height, width)[..., None]
    return patches(x, op.window, height, width).sum(axis=(3, 4)) / np.float32(divisor)


def _adaptive_average(x: np.ndarray, height: int, width: int) -> np.ndarray:
    columns = adaptive_bounds(x.shape[2], width)
    rows = [x[:, top:bottom] for top, bottom in adaptive_bounds(x.shape[1], height)]
    return np.stack([np.stack([row[:, :, a:b].mean(axis=(1, 2)) for a, b in columns], 1) for row in rows], 1)
