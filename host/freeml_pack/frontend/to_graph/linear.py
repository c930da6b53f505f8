"""Linear layers and batch normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from freeml_pack.frontend.to_graph.builder import Builder
from freeml_pack.frontend.to_graph.handlers import array, handles
from freeml_pack.frontend.to_graph.shapes import move
from freeml_pack.frontend.to_graph.value import SAMPLE, ZERO, Value
from freeml_pack.frontend.to_graph.views import find_views
from freeml_pack.frontend.to_graph.windows import rows_layout
from freeml_pack.graph import Conv2d, Window


@handles("linear")
def linear(b: Builder, value: Any, weight: Any, bias: Any = None) -> Value:
    """Over the last axis. One row of features: a window over its whole buffer, so that flattening costs nothing.
    Several rows: a 1x1 convolution over them."""
    if not isinstance(value, Value) or isinstance(weight, Value) or isinstance(bias, Value):
        raise b.error("its weights depend on the input (attention?); only constant weights are supported")
    batch_axis = value.index.ndim > 1 and value.shape[0] == b.batch
    index, batched = b.strip(value, rank=value.index.ndim - batch_axis)
    weights = array(weight).astype(np.float32)
    outputs = len(weights)
    rows = index.reshape(-1, index.shape[-1])
    if len(rows) == 1:
        source, taps = _fully_connected(b, value.tensor, rows[0], weights)
        height, width = 1, 1
    else:
        source, taps = b.buffer(value.tensor, rows_layout(b, value.tensor, rows)), weights[:, None, None, :]
        height, width, _ = b.tensors[source].shape
    biases = np.zeros(outputs, np.float32) if bias is None else array(bias).astype(np.float32)
    window = Window(taps.shape[1:3])
    output = b.emit(Conv2d, (source,), (height, width, outputs), window=window, weight=taps, bias=biases)
    return b.wrap(output, np.arange(height * width * outputs).reshape(*index.shape[:-1], outputs), batched)


def _fully_connected(b: Builder, tensor: str, features: np.ndarray, weights: np.ndarray) -> tuple[str, np.ndarray]:
    """(tensor, weights [out, height, width, channels] over all of it). The columns take the buffer's order."""
    inside = features != ZERO
    if tensor == SAMPLE:
        # Channels last, so that a mean and deviation per channel stay a few constants.
        has_channels = len(b.sample_shape) in (2, 3) and b.sample_shape[0] > 1
        if not has_channels and _regular(features):
            return b.buffer(SAMPLE, features.reshape(1, 1, -1)), weights[:, None, None, :]
        tensor, places = b.read_sample()
        features = np.where(inside, places[features], ZERO)
    shape = b.tensors[tensor].shape
    if features.size < b.size(tensor) and _regular(features):
        return b.buffer(tensor, features.reshape(1, 1, -1)), weights[:, None, None, :]
    columns = np.zeros((b.size(tensor), len(weights)), np.float32)
    np.add.at(columns, features[inside], weights.T[inside])
    return tensor, np.ascontiguousarray(columns.T).reshape(len(weights), *shape)


def _regular(features: np.ndarray) -> bool:
    """Whether a few strided copies can bring the features together."""
    if (features == ZERO).any():
        return False
    return find_views(features, np.arange(features.size)) is not None


@handles("addmm")
def addmm(b: Builder, bias: Any, value: Any, weight: Any, beta: float = 1, alpha: float = 1) -> Value:
    if isinstance(bias, Value) or isinstance(weight, Value):
        raise b.error("its weights depend on the input (attention?); only constant weights are supported")
    return linear(b, value, weight.T * alpha, (bias * beta).expand(weight.shape[1]))


@handles("mm", "matmul", "mv", "bmm")
def matmul(b: Builder, value: Any, weight: Any) -> Value:
    if isinstance(value, torch.Tensor) and isinstance(weight, Value) and weight.index.ndim > 2:
        transpose = torch.ops.aten.transpose
        return move(transpose, matmul(b, move(transpose, weight, -1, -2), value.transpose(-1, -2)), -1, -2)  # (x' w')'
    if isinstance(weight, torch.Tensor) and weight.ndim > 2:
        weight = _one_matrix(weight)
    if isinstance(weight, Value) or weight.ndim != 2:
        raise b.error("it multiplies two matrices that depend on the input (attention?); one must be constant and 2-D")
    return linear(b, value, weight.T)


def _one_matrix(weight: torch.Tensor) -> torch.Tensor:
    """The matrix that a stack of equal ones consists of, else the stack."""
    matrices = weight.reshape(-1, *weight.shape[-2:])
    return matrices[0] if (matrices == matrices[0]).all() else weight


@handles("batch_norm", "cudnn_batch_norm", "miopen_batch_norm", "_batch_norm_impl_index")
def batch_norm(
    b: Builder,
    value: Value,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    *rest: Any,
) -> Value:
    if running_mean is None or running_var is None:
        raise b.error("a batch norm without running statistics is not supported; set track_running_stats=True and retrain")
    epsilon = next(number for number in reversed(rest) if isinstance(number, float))
    variance = array(running_var) + epsilon
    if (variance <= 0).any():
        raise b.error("its running variance is negative or zero; the checkpoint is damaged, use an earlier one")
    deviation = np.sqrt(variance)
    gamma = np.ones_like(deviation) if weight is None else array(weight)
    beta = np.zeros_like(deviation) if bias is None else array(bias)
    scale = gamma / deviation
    shift = beta - array(running_mean) * scale
    trailing = (-1,) + (1,) * (value.index.ndim - 2)  # channels are axis 1
    scale, shift, mean, deviation = (constant.reshape(trailing) for constant in (scale, shift, beta, abs(gamma)))
    return b.affine(value, scale, shift, (mean, deviation))


@handles(
    "_native_batch_norm_legit_no_training",
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_functional",
)
def native_batch_norm(b: Builder, *arguments: Any) -> Any:
    if len(arguments) > 3 and not isinstance(arguments[3], torch.Tensor):
        raise b.error("a batch norm without running statistics is not supported; set track_running_stats=True and retrain")
    return (batch_norm(b, *arguments), None, None, None, None)
