"""What loading a model file gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from freeml_pack.graph import Graph


@dataclass(frozen=True, eq=False)
class LoadedModel:
    graph: Graph
    """Float, as read: freeml_pack.passes.standard is the next stage."""
    predict: Callable[[np.ndarray], np.ndarray]
    """The original torch model in eval mode: float32 [N, *input_shape] -> float32 [N, outputs]."""
    input_shape: tuple[int, ...]
    """One sample, without the batch."""
    kind: str
    """What the file was: "torch.export program", "TorchScript", "pickled module", "state_dict" or "safetensors file"."""
