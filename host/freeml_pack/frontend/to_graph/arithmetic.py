"""Pointwise functions, sums and products, joining."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from freeml_pack.frontend.to_graph.builder import Builder
from freeml_pack.frontend.to_graph.handlers import HANDLERS, array, handles
from freeml_pack.frontend.to_graph.shapes import move
from freeml_pack.frontend.to_graph.value import ZERO, Value, from_layout, to_layout
from freeml_pack.graph import Activation, Add, Multiply, OutputTransform

# --- Activations

_PLAIN = (
    "relu",
    "relu6",
    "sigmoid",
    "tanh",
    "hardsigmoid",
    "silu",
    "abs",
    "exp",
    "square",
    "mish",
    "log_sigmoid",
    "sqrt",
    "log",
    "log1p",
    "sign",
    "sin",
    "cos",
)


def _register_activations() -> None:
    for kind in _PLAIN:
        HANDLERS[kind] = lambda b, value, kind=kind: b.pointwise(value, Activation(kind))
    HANDLERS["hardswish"] = HANDLERS["hard_swish"] = lambda b, value: b.pointwise(value, Activation("hardswish"))


_register_activations()


@handles("hardtanh", "clamp", "clip")
def clamp(b: Builder, value: Value, low: Any = None, high: Any = None) -> Value:
    if isinstance(low, torch.Tensor | Value) or isinstance(high, torch.Tensor | Value):
        raise b.error("its bounds are tensors; only numbers are supported")
    low, high = (-math.inf if low is None else float(low)), (math.inf if high is None else float(high))
    kind = {(0.0, math.inf): "relu", (0.0, 6.0): "relu6"}.get((low, high))
    return b.pointwise(value, Activation(kind) if kind else Activation("hardtanh", (low, high)))


@handles("clamp_min")
def clamp_min(b: Builder, value: Value, low: Any) -> Value:
    return clamp(b, value, low=low)


@handles("clamp_max")
def clamp_max(b: Builder, value: Value, high: Any) -> Value:
    return clamp(b, value, high=high)


@handles("gelu")
def gelu(b: Builder, value: Value, approximate: str = "none") -> Value:
    return b.pointwise(value, Activation("gelu", (1.0,) if approximate == "tanh" else ()))


@handles("leaky_relu")
def leaky_relu(b: Builder, value: Value, slope: float = 0.01) -> Value:
    return b.pointwise(value, Activation("leaky_relu", (float(slope),)))


@handles("elu")
def elu(b: Builder, value: Value, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Value:
    # torch: scale * (x if x > 0 else alpha * (exp(input_scale * x) - 1))
    if input_scale != 1:
        raise b.error("an ELU with an input scale is not supported")
    return scaled(b, b.pointwise(value, Activation("elu", (float(alpha),))), scale)


@handles("celu")
def celu(b: Builder, value: Value, alpha: float = 1) -> Value:
    return scaled(b, b.pointwise(scaled(b, value, 1 / alpha), Activation("elu")), alpha)


@handles("selu")
def selu(b: Builder, value: Value) -> Value:
    return elu(b, value, alpha=1.6732632423543772, scale=1.0507009873554805)


@handles("softplus")
def softplus(b: Builder, value: Value, beta: float = 1, threshold: float = 20) -> Value:
    return scaled(b, b.pointwise(scaled(b, value, beta), Activation("softplus")), 1 / beta)


@handles("prelu", "_prelu_kernel")
def prelu(b: Builder, value: Value, weight: torch.Tensor) -> Value:
    slopes = array(weight).ravel()
    if (slopes == slopes[0]).all():
        return leaky_relu(b, value, float(slopes[0]))
    # One slope per channel: a*x + (1 - a)*relu(x).
    trailing = (-1,) + (1,) * max(0, value.index.ndim - 2)
    slope = slopes.reshape(trailing)
    none = np.zeros_like(slope)
    rectified = b.affine(b.pointwise(value, Activation("relu")), 1 - slope, none)
    return add(b, b.affine(value, slope, none), rectified)


@handles("pow")
def power(b: Builder, value: Any, exponent: Any) -> Value:
    if not isinstance(value, Value) or exponent != 2:
        raise b.error("only the second power of data is supported")
    return b.pointwise(value, Activation("square"))


# --- With constants, with each other


def scaled(b: Builder, value: Value, scale: Any, shift: Any = 0.0) -> Value:
    return b.affine(value, np.asarray(array(scale)), np.asarray(array(shift)))


@handles("add")
def add(b: Builder, x: Any, y: Any, alpha: float = 1) -> Value:
    if not isinstance(x, Value):
        return scaled(b, y, alpha, x)
    if not isinstance(y, Value):
        return scaled(b, x, 1.0, array(y) * alpha)
    return _sum(b, x, y if abs(alpha) == 1 else scaled(b, y, alpha), -1 if alpha == -1 else 1)


@handles("sub", "subtract")
def subtract(b: Builder, x: Any, y: Any, alpha: float = 1) -> Value:
    if not isinstance(x, Value):
        return scaled(b, y, -alpha, x)
    return add(b, x, y, -alpha)


@handles("rsub")
def reverse_subtract(b: Builder, x: Any, y: Any, alpha: float = 1) -> Value:
    return subtract(b, y, x, alpha)


def _sum(b: Builder, x: Value, y: Value, sign: int) -> Value:
    shape = np.broadcast_shapes(x.shape, y.shape)
    if sign == 1 and not b.is_whole(x) and b.is_whole(y):
        x, y = y, x  # the one that already lies in a buffer leads; the other one is copied into its order
    x = b.solid(replace(x, index=np.broadcast_to(x.index, shape)))
    other = b.buffer(y.tensor, b.like(x, y))
    output = b.emit(Add, (x.tensor, other), b.tensors[x.tensor].shape, sign=sign)
    return Value(output, x.index)


@handles("mul", "multiply")
def multiply(b: Builder, x: Any, y: Any) -> Value:
    if not isinstance(x, Value):
        x, y = y, x
    if not isinstance(y, Value):
        return scaled(b, x, y)
    if x.tensor == y.tensor and np.array_equal(x.index, y.index):
        return b.pointwise(x, Activation("square"))
    shape = np.broadcast_shapes(x.shape, y.shape)
    if x.shape != shape or (y.shape == shape and not b.is_whole(x)):
        x, y = y, x
    x = b.solid(replace(x, index=np.broadcast_to(x.index, shape)))
    layout = b.like(x, y)
    if (layout == layout[:1, :1]).all():
        layout = layout[:1, :1]  # one factor per channel
    output = b.emit(Multiply, (x.tensor, b.buffer(y.tensor, layout)), b.tensors[x.tensor].shape)
    return Value(output, x.index)


@handles("div", "divide", "true_divide")
def divide(b: Builder, x: Any, y: Any, rounding_mode: str | None = None) -> Value:
    if isinstance(y, Value) or rounding_mode is not None:
        raise b.error("only a division by a constant is supported")
    return scaled(b, x, 1.0 / array(y))


@handles("maximum")
def maximum(b: Builder, x: Any, y: Any) -> Value:
    """y + relu(x - y)"""
    if not isinstance(x, Value):
        x, y = y, x
    return add(b, b.pointwise(subtract(b, x, y), Activation("relu")), y)


@handles("minimum")
def minimum(b: Builder, x: Any, y: Any) -> Value:
    """y - relu(y - x)"""
    if not isinstance(x, Value):
        x, y = y, x
    return subtract(b, y, b.pointwise(subtract(b, y, x), Activation("relu")))


@handles("glu")
def gated(b: Builder, value: Value, axis: int = -1) -> Value:
    half = value.shape[axis] // 2
    first, gate = move(torch.ops.aten.split, value, half, axis)
    return multiply(b, first, b.pointwise(gate, Activation("sigmoid")))


@handles("neg", "negative")
def negate(b: Builder, value: Value) -> Value:
    return scaled(b, value, -1.0)


# --- Joining


@handles("cat", "concat", "concatenate")
def concatenate(b: Builder, values: list[Any], axis: int = 0) -> Value:
    values = [_joinable(b, value, values) for value in values]
    values = [value for value in values if value.index.size]
    if all(value.tensor == values[0].tensor for value in values):
        joined = np.concatenate([value.index for value in values], axis)
        return Value(values[0].tensor, joined, values[0].transform)
    stripped = [b.strip(value) for value in values]
    batched = stripped[0][1]
    axis = axis % values[0].index.ndim - batched
    if axis < 0:
        raise b.error("it joins along the batch; keep samples apart")
    indices = [index for index, _ in stripped]
    shape = list(indices[0].shape)
    shape[axis] = sum(index.shape[axis] for index in indices)
    places = from_layout(tuple(shape))
    ends = np.cumsum([index.shape[axis] for index in indices])[:-1]
    pieces = []
    for value, index, place in zip(values, indices, np.split(places, ends, axis), strict=True):
        order = np.argsort(place.ravel())  # copies go through the destination in its order
        pieces.append((value.tensor, index.ravel()[order], place.ravel()[order]))
    output = b.gather(pieces, to_layout(places).shape)
    return b.wrap(output, places, batched)


def _joinable(b: Builder, value: Any, others: list[Any]) -> Value:
    """A constant as elements of a tensor that is being joined anyway: zeros (another way to write padding), plus the rest."""
    if isinstance(value, Value):
        return value
    tensor = next(other.tensor for other in others if isinstance(other, Value))
    zeros = Value(tensor, np.full(tuple(value.shape), ZERO))
    return scaled(b, zeros, 1.0, value) if array(value).any() else zeros


@handles("stack")
def stack(b: Builder, values: list[Any], axis: int = 0) -> Value:
    axis = axis % (values[0].index.ndim + 1)
    return concatenate(b, [move(torch.ops.aten.unsqueeze, value, axis) for value in values], axis)


# --- The last layer


@handles("softmax", "_softmax", "log_softmax", "_log_softmax")
def softmax(b: Builder, value: Value, axis: int, *_: Any) -> Value:
    index, batched = b.strip(value)
    axis = axis % value.index.ndim - batched
    if axis < 0 or index.size != index.shape[axis]:
        raise b.error(f"softmax over axis {axis + batched} of shape {value.shape} is not over all class scores")
    return replace(value, transform=OutputTransform.LOG_SOFTMAX if "log" in b.operator else OutputTransform.SOFTMAX)


@handles("argmax", "topk", "sort")
def class_numbers(b: Builder, *_: Any) -> Value:
    raise b.error("the model returns class numbers; return the class scores, the device takes the best one itself")
