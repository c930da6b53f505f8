"""torch.export archives (torch.export.save)."""

from __future__ import annotations

from pathlib import Path

import torch

from freeml_pack.errors import PackError
from freeml_pack.frontend.loaded import LoadedModel
from freeml_pack.frontend.program import Shape, from_program
from freeml_pack.frontend.quiet import first_line, quiet


def load_exported(path: Path, input_shape: Shape | None) -> LoadedModel:
    with quiet():
        try:
            program = torch.export.load(path)
        except Exception as error:
            raise PackError(
                f"{path} cannot be read by torch {torch.__version__} ({first_line(error)}); export the model again with it"
            ) from error
    return from_program(program, path.stem, "torch.export program", input_shape)
