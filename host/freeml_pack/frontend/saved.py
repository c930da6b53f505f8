"""Files of torch.save: state_dicts and checkpoints around them, and whole pickled modules."""

from __future__ import annotations

import argparse
import collections
import pathlib
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from freeml_pack.errors import PackError
from freeml_pack.frontend.export import from_module, require_shape
from freeml_pack.frontend.loaded import LoadedModel
from freeml_pack.frontend.model_spec import build_model
from freeml_pack.frontend.program import Shape
from freeml_pack.frontend.quiet import first_line, importable, quiet
from freeml_pack.frontend.state_dict import LIKELY_KEYS, find_state_dict, load_weights

_NUMPY_MAKERS: list[Any] = [np.float64(0).__reduce__()[0], np.zeros(0).__reduce__()[0]]  # of scalars and arrays

# What training scripts put beside the weights: it holds values and runs no code.
_HARMLESS: list[Any] = [
    argparse.Namespace,
    collections.defaultdict,
    list,
    dict,
    int,
    float,
    pathlib.PosixPath,
    np.dtype,
    np.ndarray,
    *(type(np.dtype(code)) for code in "?bhilqBHILQefd"),
    *((make, f"numpy.{core}.multiarray.{make.__name__}") for make in _NUMPY_MAKERS for core in ("core", "_core")),
]


def load_saved(path: Path, model_spec: str | None, input_shape: Shape | None, allow_pickle: bool) -> LoadedModel:
    content = _load(path, allow_pickle)
    module = _find_module(content)
    if module is not None:
        return from_module(module, path.stem, "pickled module", require_shape(input_shape, "pickled module"))
    return with_class(find_state_dict(content, path), path, "state_dict", model_spec, input_shape)


def with_class(
    state: dict[str, torch.Tensor], path: Path, kind: str, model_spec: str | None, input_shape: Shape | None
) -> LoadedModel:
    """The weights in the class that `model_spec` names."""
    if model_spec is None:
        raise PackError(
            f"{path} holds weights without the network (a {kind}); name the class that they belong to with --model, for "
            "instance --model net.py:Net"
        )
    module = build_model(model_spec)
    load_weights(module, state, model_spec)
    return from_module(module, path.stem, kind, require_shape(input_shape, kind))


def _load(path: Path, allow_pickle: bool) -> Any:
    """The unpickled content; without --allow-pickle only what cannot run code."""
    with quiet(), importable(Path.cwd()):
        try:
            return _unpickle(path, allow_pickle)
        except (ImportError, AttributeError) as error:
            raise PackError(
                f"{path} is a pickled module whose source is missing ({first_line(error)}); run where that source can be "
                "imported, or save the model with torch.export.save"
            ) from error
        except Exception as error:
            foreign = re.search(r"GLOBAL ([\w.]+)", str(error))
            if not allow_pickle and (foreign or "Unsupported" in str(error)):
                what = f"the class {foreign[1]}" if foreign else "Python objects"
                raise PackError(
                    f"{path} is a pickle with {what} in it, and loading it runs code from the file; pass --allow-pickle if you "
                    "trust where it comes from, or save the model with torch.export.save"
                ) from error
            raise PackError(f"{path} is a damaged or incomplete checkpoint ({_gist(error)}); copy or save it again") from error


def _unpickle(path: Path, allow_pickle: bool) -> Any:
    with torch.serialization.safe_globals(_HARMLESS):
        try:
            return torch.load(path, map_location="cpu", weights_only=not allow_pickle)
        except RuntimeError as error:
            if not allow_pickle or "Invalid magic number" not in str(error):
                raise
    with path.open("rb") as file:
        return pickle.load(file)  # written by pickle.dump rather than torch.save


def _gist(error: Exception) -> str:
    text = first_line(error)
    return type(error).__name__ if "Weights only load failed" in text else text


def _has_weights(value: Any) -> bool:
    return isinstance(value, nn.Module) and next(value.parameters(), None) is not None


def _find_module(content: Any) -> nn.Module | None:
    """The module itself, or the one that a checkpoint holds; losses have no parameters."""
    if isinstance(content, nn.Module):
        return content
    if isinstance(content, list | tuple):
        content = dict(enumerate(content))
    if not isinstance(content, dict):
        return None
    modules = {key: value for key, value in content.items() if _has_weights(value)}
    likely = [key for key in LIKELY_KEYS if key in modules]
    if len(modules) > 1 and not likely:
        names = ", ".join(str(key) for key in modules)
        raise PackError(f"the checkpoint holds {len(modules)} networks ({names}); save the one that is meant by itself")
    return modules[likely[0]] if likely else next(iter(modules.values()), None)
