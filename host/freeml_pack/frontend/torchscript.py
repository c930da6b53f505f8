"""TorchScript archives (torch.jit.save). The only file that uses torch's private converter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram
from torch.fx.experimental.proxy_tensor import make_fx

from freeml_pack.errors import InputShapeError, PackError
from freeml_pack.frontend.eval_mode import to_eval_mode
from freeml_pack.frontend.export import require_shape
from freeml_pack.frontend.loaded import LoadedModel
from freeml_pack.frontend.predict import Predict, eager_predictor
from freeml_pack.frontend.program import Shape, from_program
from freeml_pack.frontend.quiet import first_line, quiet


def load_torchscript(path: Path, input_shape: Shape | None) -> LoadedModel:
    script = _load(path)
    shape = require_shape(input_shape, "TorchScript file")
    program = _convert(script, torch.zeros(1, *shape))
    loaded = from_program(program, path.stem, "TorchScript", shape)
    # Loaded again: running a script that was traced in training mode changes its batch-norm statistics.
    predict = _agreeing(eager_predictor(_load(path)), loaded.predict, shape)
    return replace(loaded, predict=predict)


def _load(path: Path) -> Any:
    with quiet():
        try:
            return torch.jit.load(path, map_location="cpu").float().eval()
        except Exception as error:
            raise PackError(f"{path} is a damaged TorchScript archive ({first_line(error)}); save it again") from error


def _convert(script: Any, example: torch.Tensor) -> ExportedProgram:
    try:
        from torch._export.converter import TS2EPConverter
    except ImportError as error:
        raise PackError(
            f"torch {torch.__version__} cannot convert TorchScript any more; use an older torch, or save the original with "
            "torch.export.save"
        ) from error

    class StaticConverter(TS2EPConverter):
        """The original makes every axis dynamic, which fails on sizes that forward() computes with."""

        def retrace_as_exported_program(self, gm: torch.fx.GraphModule, name_to_constant: dict[str, Any]) -> ExportedProgram:
            to_eval_mode(gm)
            return torch.export.export(gm, self.sample_args, strict=False)

    with quiet(), torch.no_grad():
        try:
            return StaticConverter(script, (example,)).convert()
        except Exception as error:
            try:
                return _record(script, example)
            except Exception:
                raise _failure(script, example, error) from error


def _record(script: Any, example: torch.Tensor) -> ExportedProgram:
    """What the converter cannot follow (loops over an input's axes, for one), run once and written down. The layers lose their
    names."""
    return torch.export.export(make_fx(script)(example), (example,), strict=False)


def _failure(script: Any, example: torch.Tensor, error: Exception) -> PackError:
    try:
        script(example)
    except Exception as cause:
        return InputShapeError(
            f"forward() fails for an input of shape {tuple(example.shape)} ({_reason(cause)}); check --input-shape or the "
            "data, whose samples have no batch axis"
        )
    return PackError(
        f"this TorchScript model cannot be converted ({first_line(error)}); save the original with torch.export.save"
    )


def _reason(error: Exception) -> str:
    """TorchScript's messages end with what went wrong, after a traceback of the script."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].removeprefix("RuntimeError: ") if lines else type(error).__name__


def _agreeing(fast: Predict, program: Predict, shape: Shape) -> Predict:
    """The script itself, which takes batches, unless tracing froze it in training mode, which only the program can undo."""
    sample = np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)
    with quiet():
        agree = np.allclose(fast(sample), program(sample), rtol=1e-3, atol=1e-4)
    return fast if agree else program
