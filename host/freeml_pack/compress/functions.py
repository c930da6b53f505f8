"""The pointwise functions of `freeml_pack.activations`, differentiable."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from freeml_pack.graph import Activation

_SMALLEST = 1e-6  # as in freeml_pack.activations

FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "hardtanh": lambda x, low=-1.0, high=1.0: x.clamp(low, high),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "hardsigmoid": functional.hardsigmoid,
    "hardswish": functional.hardswish,
    "silu": functional.silu,
    "gelu": lambda x, tanh=0.0: functional.gelu(x, approximate="tanh" if tanh else "none"),
    "leaky_relu": lambda x, slope=0.01: functional.leaky_relu(x, slope),
    "elu": lambda x, alpha=1.0: functional.elu(x, alpha),
    "softplus": functional.softplus,
    "abs": torch.abs,
    "square": torch.square,
    "exp": torch.exp,
    "mish": functional.mish,
    "log_sigmoid": functional.logsigmoid,
    "sqrt": lambda x: x.clamp(min=_SMALLEST).sqrt() * (x > 0),  # whose slope at 0 is finite
    "log": lambda x: x.clamp(min=_SMALLEST).log(),
    "log1p": lambda x: x.clamp(min=_SMALLEST - 1.0).log1p(),
    "sign": torch.sign,
    "sin": torch.sin,
    "cos": torch.cos,
}


def activate(activation: Activation | None, x: Tensor) -> Tensor:
    """The activation of a tensor, elementwise."""
    return x if activation is None else FUNCTIONS[activation.kind](x, *activation.args)
