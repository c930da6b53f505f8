"""Running the original torch model on many samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree

from freeml_pack.errors import PackError

Predict = Callable[[np.ndarray], np.ndarray]

_CHUNK = 128  # samples at a time; bounds the memory


def predictor(module: Callable[[torch.Tensor], Any], dtype: torch.dtype, batch: int | None = _CHUNK) -> Predict:
    """float32 [N, *sample] -> float32 [N, outputs]. batch: samples that the module takes at once, exactly; None: it takes
    one without a batch axis."""

    def run(x: np.ndarray) -> np.ndarray:
        samples = torch.from_numpy(np.ascontiguousarray(x)).to(dtype)
        if batch is None:
            return np.concatenate([_rows(module(sample), 1) for sample in samples])
        missing = -len(samples) % batch
        padded = torch.cat([samples, samples[-1:].expand(missing, *samples.shape[1:])])
        rows = [_rows(module(chunk), batch) for chunk in padded.split(batch)]
        return np.concatenate(rows)[: len(samples)]

    return _without_gradients(run)


def eager_predictor(module: Callable[[torch.Tensor], Any], dtype: torch.dtype = torch.float32) -> Predict:
    """As `predictor`, for a module that takes any batch, or that was written for a batch of one."""

    def run(x: np.ndarray) -> np.ndarray:
        samples = torch.from_numpy(np.ascontiguousarray(x)).to(dtype)
        try:
            return np.concatenate([_rows(module(chunk), len(chunk)) for chunk in samples.split(_CHUNK)])
        except (RuntimeError, ValueError, PackError):
            return np.concatenate([_rows(module(sample[None]), 1) for sample in samples])

    return _without_gradients(run)


def _without_gradients(run: Predict) -> Predict:
    def predict(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return run(x)

    return predict


def _rows(output: Any, samples: int) -> np.ndarray:
    """float32 [samples, outputs] of what forward() returned."""
    tensors = [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, torch.Tensor)]
    if len(tensors) != 1:
        raise PackError(f"forward() returns {len(tensors)} tensors; wrap the model so that it returns the class scores only")
    if tensors[0].numel() % samples or (samples > 1 and tensors[0].shape[0] != samples):
        raise PackError("forward() does not return one row per sample; wrap the model so that it does")
    return tensors[0].to(torch.float32).reshape(samples, -1).numpy()
