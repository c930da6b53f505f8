"""nn.Module -> ExportedProgram, with errors in the user's terms."""

from __future__ import annotations

import inspect

import torch
from torch import nn
from torch.export import ExportedProgram

from freeml_pack.errors import InputShapeError, PackError
from freeml_pack.frontend.loaded import LoadedModel
from freeml_pack.frontend.predict import eager_predictor
from freeml_pack.frontend.program import Shape, from_program
from freeml_pack.frontend.quiet import first_line, quiet


def require_shape(input_shape: Shape | None, kind: str) -> Shape:
    """The shape of a sample, for formats that do not tell it."""
    if input_shape is None:
        raise InputShapeError(
            f"a {kind} does not say what its input looks like; give --data, or --input-shape with the shape of one sample "
            "without the batch, for instance 1,28,28"
        )
    return input_shape


def from_module(module: nn.Module, name: str, kind: str, input_shape: Shape) -> LoadedModel:
    module = _unwrapped(module).cpu().float().eval().requires_grad_(False)
    program = export_module(module, input_shape)
    return from_program(program, name, kind, input_shape, eager_predictor(module))


def _unwrapped(module: nn.Module) -> nn.Module:
    """Without DataParallel and torch.compile around it."""
    while True:
        inner = module.module if isinstance(module, nn.DataParallel) else getattr(module, "_orig_mod", None)
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def export_module(module: nn.Module, input_shape: Shape) -> ExportedProgram:
    example = torch.zeros(1, *input_shape)
    _try_forward(module, example)
    with quiet():
        try:
            return torch.export.export(module, (example,), strict=False)
        except Exception as error:
            raise PackError(_export_failure(error)) from error


def _try_forward(module: nn.Module, example: torch.Tensor) -> None:
    required = [
        parameter.name
        for parameter in inspect.signature(module.forward).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    if len(required) > 1:
        raise PackError(f"forward() takes {len(required)} inputs ({', '.join(required)}); wrap the model so that it takes one")
    with quiet(), torch.no_grad():
        try:
            module(example)
        except Exception as error:
            if "indices" in str(error) and "scalar types: Long" in str(error):
                raise PackError(
                    "the model takes integers (an embedding), but FreeML feeds real numbers; cut off the embedding"
                ) from error
            raise InputShapeError(
                f"forward() fails for an input of shape {tuple(example.shape)} ({first_line(error)}); check --input-shape or "
                "the data, whose samples have no batch axis"
            ) from error


def _export_failure(error: Exception) -> str:
    text = f"{type(error).__name__} {error}"
    if "DataDependent" in text or "data-dependent" in text:
        return (
            "forward() decides by the values of its input (an 'if' or a loop on a tensor); make it do the same for every input"
        )
    return f"torch.export cannot capture the model ({first_line(error)}); simplify forward(), or save with torch.export.save"
