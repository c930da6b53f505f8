"""Finding the weights in a checkpoint and fitting them to a module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from freeml_pack.errors import PackError

State = dict[str, torch.Tensor]

LIKELY_KEYS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "ema")
_OPTIMIZER_KEYS = {"state", "param_groups"}  # what an optimizer's state_dict() consists of
_COUNTERS = ("num_batches_tracked", "total_ops", "total_params")  # of batch norm, of profilers; nothing at inference


def find_state_dict(content: Any, path: Path) -> State:
    """The mapping from parameter names to tensors, wherever it is nested. PackError where there is none, or several and none
    under one of the usual keys."""
    found = _state_dicts(content)
    if len(found) > 1:
        raise PackError(
            f"{path} holds {len(found)} sets of weights ({', '.join(found)}); save the one that is meant by itself, with "
            f"torch.save(checkpoint['{next(iter(found))}'], 'weights.pt')"
        )
    if not found:
        raise PackError(
            f"{path} holds no weights (a {type(content).__name__}); save model.state_dict() or use torch.export.save"
        )
    return next(iter(found.values()))


def _state_dicts(content: Any, key: str = "") -> dict[str, State]:
    """By the key that they lie under."""
    if isinstance(content, list | tuple):
        content = {number: value for number, value in enumerate(content) if isinstance(value, Mapping)}
    if not isinstance(content, Mapping) or content.keys() >= _OPTIMIZER_KEYS:
        return {}
    inside = {str(name): _state_dicts(value, str(name)) for name, value in content.items() if not _is_tensor(value)}
    for name in LIKELY_KEYS:
        if inside.get(name):
            return inside[name]
    nested = {name: state for states in inside.values() for name, state in states.items()}
    own = {str(name): torch.as_tensor(value) for name, value in content.items() if _is_tensor(value)}
    return nested or ({key: own} if own else {})


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor) or (isinstance(value, np.ndarray) and value.dtype.kind in "biuf")


def load_weights(module: nn.Module, state: State, spec: str) -> None:
    """Copies the weights into the module. Raises PackError with the first name that differs."""
    expected = {name: tensor for name, tensor in module.state_dict().items() if not name.endswith(_COUNTERS)}
    state = {name: _plain(name, tensor) for name, tensor in state.items() if not name.endswith(_COUNTERS)}
    state = _without_prefix(state, expected)
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


def _plain(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """A tensor that can be copied into a module."""
    if tensor.is_meta or tensor.is_complex():
        what = "no numbers (a 'meta' tensor)" if tensor.is_meta else "complex numbers"
        raise PackError(f"'{name}' in the file holds {what}; save the weights as real numbers, from the trained model")
    if tensor.is_quantized:
        return tensor.dequantize()
    return tensor if tensor.layout == torch.strided else tensor.to_dense()


def _misfit(spec: str, first: str, count: int) -> str:
    others = f" and {count - 1} more differ" if count > 1 else ""
    return (
        f"the weights do not fit the class {spec}: {first}{others}; use the class and arguments that the model was trained with"
    )


def _without_prefix(state: State, expected: State) -> State:
    """Takes off what wrappers (DataParallel, torch.compile, Lightning, a model around a backbone) put in front of every name,
    and what lies beside the wrapped model."""
    if not expected or expected.keys() <= state.keys():
        return state
    matches = Counter(name[: -len(tail)] for name in state for tail in _tails(name) if tail in expected).most_common(2)
    if not matches or matches[0][0] == "":
        return state
    if len(matches) > 1 and matches[0][1] == matches[1][1]:
        raise PackError(
            f"the class fits two parts of the file, '{matches[0][0]}' and '{matches[1][0]}'; save the weights of the one that "
            "is meant by themselves"
        )
    prefix = matches[0][0]
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _tails(name: str) -> list[str]:
    """The name without its first 0, 1, 2, ... parts."""
    parts = name.split(".")
    return [".".join(parts[first:]) for first in range(len(parts))]
