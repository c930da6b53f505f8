"""The table of torch operators: name in ATen -> handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Handler = Callable[..., Any]
"""handler(builder, *arguments, **named): all positional arguments of the operator's schema in order, defaults filled in;
keyword-only ones where they are given. Tensors that depend on the sample arrive as Value, parameters and other constants
as torch.Tensor. Returns a Value, or a tuple of them."""

HANDLERS: dict[str, Handler] = {}


def handles(*operators: str) -> Callable[[Handler], Handler]:
    """Registers a handler for ATen operators, all overloads, named without "aten::"."""

    def register(handler: Handler) -> Handler:
        for operator in operators:
            if operator in HANDLERS:
                raise ValueError(f"two handlers for {operator}")
            HANDLERS[operator] = handler
        return handler

    return register


def array(constant: torch.Tensor | float) -> Any:
    """A constant as a float64 numpy array."""
    return torch.as_tensor(constant).detach().to(torch.float64).numpy()
