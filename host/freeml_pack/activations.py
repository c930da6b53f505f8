"""Pointwise functions that an op can end with."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from freeml_pack.graph import Activation, Copy, Op

_SMALLEST = 1e-6  # argument of a logarithm: look-up tables have entries for inputs that the network never gives
_ERF = np.vectorize(math.erf, otypes=[float])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _gelu(x: np.ndarray, tanh: float = 0.0) -> np.ndarray:
    if tanh:
        return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1.0 + _ERF(x / math.sqrt(2.0)))


FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "relu6": lambda x: np.clip(x, 0.0, 6.0),
    "hardtanh": lambda x, low=-1.0, high=1.0: np.clip(x, low, high),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "hardsigmoid": lambda x: np.clip(x / 6.0 + 0.5, 0.0, 1.0),
    "hardswish": lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0),
    "silu": lambda x: x * _sigmoid(x),
    "gelu": _gelu,
    "leaky_relu": lambda x, slope=0.01: np.where(x >= 0.0, x, slope * x),
    "elu": lambda x, alpha=1.0: np.where(x >= 0.0, x, alpha * np.expm1(np.minimum(x, 0.0))),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "abs": np.abs,
    "square": np.square,
    "exp": np.exp,
    "mish": lambda x: x * np.tanh(np.logaddexp(0.0, x)),
    "log_sigmoid": lambda x: -np.logaddexp(0.0, -x),
    "sqrt": lambda x: np.sqrt(np.maximum(x, 0.0)),
    "log": lambda x: np.log(np.maximum(x, _SMALLEST)),
    "log1p": lambda x: np.log1p(np.maximum(x, _SMALLEST - 1.0)),
    "sign": np.sign,
    "sin": np.sin,
    "cos": np.cos,
}
"""Name -> function of a float array and the activation's args."""

_CLAMPS = {"relu": (0.0, math.inf), "relu6": (0.0, 6.0)}


def apply(activation: Activation | None, x: np.ndarray) -> np.ndarray:
    """The activation of a float array, elementwise."""
    if activation is None:
        return x
    return np.asarray(FUNCTIONS[activation.kind](x, *activation.args))


def clamp_bounds(activation: Activation | None) -> tuple[float, float] | None:
    """(low, high) where the activation only clamps (None activation: no bounds), None where it needs a look-up table."""
    if activation is None:
        return (-math.inf, math.inf)
    if activation.kind == "hardtanh":
        return tuple(activation.args) or (-1.0, 1.0)  # type: ignore[return-value]
    return _CLAMPS.get(activation.kind)


def preactivation(tensor: str) -> str:
    """Name of a tensor's value before its activation."""
    return f"{tensor}/pre"


def inner_name(op: Op) -> str:
    """Name of the value that an op's integers compute: the output, or what goes into its look-up table."""
    if isinstance(op, Copy) or clamp_bounds(op.activation) is not None:
        return op.output
    return preactivation(op.output)
