"""model.pt -> LoadedModel, whatever kind of file it is."""

from __future__ import annotations

import os
from pathlib import Path

from freeml_pack.frontend.detect import FileKind, detect
from freeml_pack.frontend.exported import load_exported
from freeml_pack.frontend.loaded import LoadedModel
from freeml_pack.frontend.safetensors import read_safetensors
from freeml_pack.frontend.saved import load_saved, with_class
from freeml_pack.frontend.torchscript import load_torchscript


def load_model(
    path: str | os.PathLike[str],
    *,
    model_spec: str | None = None,
    input_shape: tuple[int, ...] | None = None,
    allow_pickle: bool = False,
) -> LoadedModel:
    """Reads a pre-trained model.

    model_spec: where the network's class is, for a state_dict; see model_spec.py. input_shape: shape of one sample,
    without the batch; torch.export programs carry their own. allow_pickle: run the code that a whole pickled module may
    hold. Raises PackError, in one sentence, for whatever cannot be read.
    """
    file = Path(path)
    kind = detect(file)
    if kind is FileKind.EXPORTED:
        return load_exported(file, input_shape)
    if kind is FileKind.TORCHSCRIPT:
        return load_torchscript(file, input_shape)
    if kind is FileKind.SAFETENSORS:
        return with_class(read_safetensors(file), file, "safetensors file", model_spec, input_shape)
    return load_saved(file, model_spec, input_shape, allow_pickle)
