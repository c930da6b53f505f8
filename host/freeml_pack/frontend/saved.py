"""Files of torch.save: state_dicts and checkpoints around them, and whole pickled modules."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from freeml_pack.errors import PackError
from freeml_pack.frontend.export import from_module, require_shape
from freeml_pack.frontend.loaded import LoadedModel
from freeml_pack.frontend.model_spec import build_model
from freeml_pack.frontend.program import Shape
from freeml_pack.frontend.quiet import first_line, importable, quiet
from freeml_pack.frontend.state_dict import find_state_dict, load_weights


def load_saved(path: Path, model_spec: str | None, input_shape: Shape | None, allow_pickle: bool) -> LoadedModel:
    content = _load(path, allow_pickle)
    module = _find_module(content)
    if module is not None:
        return from_module(module, path.stem, "pickled module", require_shape(input_shape, "pickled module"))
    state = find_state_dict(content, path)
    if model_spec is None:
        raise PackError(
            f"{path} holds weights without the network (a state_dict); name the class that they belong to with --model, for "
            "instance --model net.py:Net"
        )
    module = build_model(model_spec)
    load_weights(module, state, model_spec)
    return from_module(module, path.stem, "state_dict", require_shape(input_shape, "state_dict"))


def _load(path: Path, allow_pickle: bool) -> Any:
    """The unpickled content; without --allow-pickle only what cannot run code."""
    with quiet(), importable(Path.cwd()):
        try:
            return torch.load(path, map_location="cpu", weights_only=not allow_pickle)
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


def _gist(error: Exception) -> str:
    text = first_line(error)
    return type(error).__name__ if "Weights only load failed" in text else text


def _find_module(content: Any) -> nn.Module | None:
    """The module itself, or the one that a checkpoint dictionary holds."""
    if isinstance(content, nn.Module):
        return content
    if isinstance(content, dict):
        modules = [value for value in content.values() if isinstance(value, nn.Module)]
        if len(modules) == 1:
            return modules[0]
    return None
