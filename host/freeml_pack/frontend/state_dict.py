"""Finding the weights in a checkpoint and fitting them to a module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from freeml_pack.errors import PackError

State = dict[str, torch.Tensor]

_NESTED_KEYS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "ema")
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")
_COUNTER = "num_batches_tracked"  # of batch norm; nothing at inference


def find_state_dict(content: Any, path: Path) -> State:
    """The mapping from parameter names to tensors, at the top or nested under one of the usual keys."""
    if isinstance(content, list | tuple) and len(content) == 1:
        return find_state_dict(content[0], path)
    if isinstance(content, Mapping):
        tensors = {str(key): value for key, value in content.items() if isinstance(value, torch.Tensor)}
        nested = [content[key] for key in _NESTED_KEYS if isinstance(content.get(key), Mapping)]
        if nested:
            return find_state_dict(nested[0], path)
        if tensors:
            return tensors
    raise PackError(f"{path} holds no weights (a {type(content).__name__}); save model.state_dict() or use torch.export.save")


def load_weights(module: nn.Module, state: State, spec: str) -> None:
    """Copies the weights into the module. Raises PackError with the first name that differs."""
    expected = {name: tensor for name, tensor in module.state_dict().items() if not name.endswith(_COUNTER)}
    state = _without_prefix({name: tensor for name, tensor in state.items() if not name.endswith(_COUNTER)}, expected)
    missing = [name for name in expected if name not in state]
    unknown = [name for name in state if name not in expected]
    shapes = [name for name in expected if name in state and state[name].shape != expected[name].shape]
    if missing:
        raise PackError(_misfit(spec, f"the file has no '{missing[0]}'", len(missing) + len(unknown) + len(shapes)))
    if unknown:
        raise PackError(_misfit(spec, f"the class has no '{unknown[0]}'", len(unknown) + len(shapes)))
    if shapes:
        name = shapes[0]
        difference = f"'{name}' is {tuple(state[name].shape)} in the file and {tuple(expected[name].shape)} in the class"
        raise PackError(_misfit(spec, difference, len(shapes)))
    module.load_state_dict(state, strict=False)


def _misfit(spec: str, first: str, count: int) -> str:
    others = f" and {count - 1} more differ" if count > 1 else ""
    return (
        f"the weights do not fit the class {spec}: {first}{others}; use the class and arguments that the model was trained with"
    )


def _without_prefix(state: State, expected: State) -> State:
    """Takes off what wrappers (DataParallel, torch.compile, Lightning) put in front of every name."""
    while state and not any(name in expected for name in state):
        prefix = next((p for p in _PREFIXES if any(name.startswith(p) for name in state)), None)
        if prefix is None:
            return state
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    return state
