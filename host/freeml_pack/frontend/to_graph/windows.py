"""Convolutions and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from freeml_pack.frontend.to_graph.builder import Builder
from freeml_pack.frontend.to_graph.handlers import HANDLERS, array, handles
from freeml_pack.frontend.to_graph.value import ZERO, Value, from_layout, to_layout
from freeml_pack.graph import AveragePool2d, Conv2d, DepthwiseConv2d, MaxPool2d, Op, Shape, Window

Pair = tuple[int, int]


def as_pair(numbers: Any, spatial: int, fill: int) -> Pair:
    """torch's int, [n], or [h, w] as (height, width); 1-D data has width 1, where `fill` is neutral."""
    listed = [int(n) for n in (numbers if isinstance(numbers, list | tuple) else [numbers])]
    if len(listed) == 1:
        listed *= spatial
    return (listed[0], listed[1] if spatial == 2 else fill)


def images(b: Builder, value: Value, spatial: int) -> tuple[np.ndarray, bool]:
    """([height, width, channels] layout, whether there is a batch axis) of an input with `spatial` spatial axes."""
    index, batched = b.strip(value, rank=spatial + 1)
    return to_layout(index), batched


def window_op(
    b: Builder, kind: type[Op], value: Value, layout: np.ndarray, batched: bool, window: Window, channels: int, **fields: Any
) -> Value:
    """Emits an op with a window over `layout`; the output's rows and columns follow from the window."""
    height, width = (
        (layout.shape[axis] + window.padding[axis] + window.padding[axis + 2] - _reach(window, axis)) // window.stride[axis] + 1
        for axis in (0, 1)
    )
    if max(window.stride + window.dilation + window.padding) > 255:
        raise b.error("a stride, dilation or padding is larger than 255, the most that a blob can hold")
    if height < 1 or width < 1:
        raise b.error(f"its window is larger than its input of {layout.shape[0]} x {layout.shape[1]}")
    output = b.emit(kind, (b.buffer(value.tensor, layout),), (height, width, channels), window=window, **fields)
    rank = value.index.ndim - batched
    shape = (channels, height, width) if rank == 3 else (channels, height)
    return b.wrap(output, from_layout(shape), batched)


def _reach(window: Window, axis: int) -> int:
    """Rows (axis 0) or columns (1) from a window's first tap to its last, both included."""
    return window.dilation[axis] * (window.kernel[axis] - 1) + 1


# --- Convolutions


@handles("conv2d", "conv1d", "_convolution_mode")
def convolve(
    b: Builder,
    value: Value,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Value:
    weights, spatial = kernels_of(b, weight, bias)
    layout, batched = images(b, value, spatial)
    kernel: Pair = weights.shape[2:]
    dilation = as_pair(dilation, spatial, 1)
    window = Window(kernel, as_pair(stride, spatial, 1), dilation, _padding(padding, spatial, kernel, dilation))
    core, window = _absorb_border(layout, window)
    biases = np.zeros(len(weights)) if bias is None else array(bias)
    return convolution_op(b, value, core, batched, window, weights, biases, groups)


def kernels_of(b: Builder, weight: torch.Tensor, bias: torch.Tensor | None) -> tuple[np.ndarray, int]:
    """([.., .., kernel_h, kernel_w] of torch's weight, 1 or 2: its spatial axes); refuses what is not constant."""
    if isinstance(weight, Value) or isinstance(bias, Value):
        raise b.error("its weights depend on the input; only constant weights are supported")
    spatial = weight.ndim - 2
    if spatial not in (1, 2):
        raise b.error("only 1-D and 2-D convolutions are supported")
    return array(weight).reshape(*weight.shape[:3], -1), spatial


def convolution_op(
    b: Builder,
    value: Value,
    layout: np.ndarray,
    batched: bool,
    window: Window,
    weights: np.ndarray,
    biases: np.ndarray,
    groups: int,
) -> Value:
    """Emits a convolution, depthwise where it is one. weights: [out, in / groups, kernel_h, kernel_w]."""
    weights, outputs = weights.astype(np.float32), len(weights)
    fields: dict[str, Any] = {"bias": biases.astype(np.float32)}
    if groups > 1 and groups == layout.shape[2]:
        return window_op(b, DepthwiseConv2d, value, layout, batched, window, outputs, weight=weights[:, 0], **fields)
    fields.update(weight=np.ascontiguousarray(weights.transpose(0, 2, 3, 1)), groups=groups)
    return window_op(b, Conv2d, value, layout, batched, window, outputs, **fields)


def _padding(padding: Any, spatial: int, kernel: Pair, dilation: Pair) -> tuple[int, int, int, int]:
    """Top, left, bottom, right."""
    if padding == "valid":
        return (0, 0, 0, 0)
    if padding == "same":
        total = [dilation[axis] * (kernel[axis] - 1) for axis in (0, 1)]
        return (total[0] // 2, total[1] // 2, total[0] - total[0] // 2, total[1] - total[1] // 2)
    return as_pair(padding, spatial, 0) * 2


def _absorb_border(layout: np.ndarray, window: Window) -> tuple[np.ndarray, Window]:
    """Moves a border of zeros from the layout to the window's padding, where every window still touches the input."""
    rows, columns = (np.flatnonzero((layout != ZERO).any(axis=axes)) for axes in ((1, 2), (0, 2)))
    if len(rows) == 0:
        return layout, window
    core = layout[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    border = (rows[0], columns[0], layout.shape[0] - 1 - rows[-1], layout.shape[1] - 1 - columns[-1])
    top, left, bottom, right = padding = tuple(int(a + b) for a, b in zip(window.padding, border, strict=True))
    touches = max(top, bottom) < _reach(window, 0) and max(left, right) < _reach(window, 1)
    if not touches:
        return layout, window
    return core, Window(window.kernel, window.stride, window.dilation, padding)  # type: ignore[arg-type]


# --- Pooling


def _pool_window(layout: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool) -> Window:
    """With ceil_mode the bottom and right padding grow so that the last, partial windows are inside."""
    ends = []
    for axis in (0, 1):
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        span = layout.shape[axis] + 2 * padding[axis] - reach
        steps = -(-span // stride[axis]) if ceil_mode else span // stride[axis]
        if ceil_mode and steps * stride[axis] >= layout.shape[axis] + padding[axis]:
            steps -= 1
        ends.append(max(0, steps * stride[axis] + reach - layout.shape[axis] - padding[axis]))
    return Window(kernel, stride, dilation, (*padding, ends[0], ends[1]))


@handles("max_pool2d", "max_pool1d", "max_pool2d_with_indices", "max_pool1d_with_indices")
def max_pool(b: Builder, value: Value, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Any:
    spatial = 1 if "1d" in b.operator else 2
    layout, batched = images(b, value, spatial)
    size = as_pair(kernel, spatial, 1)
    step = as_pair(stride, spatial, 1) if stride else size
    window = _pool_window(layout, size, step, as_pair(padding, spatial, 0), as_pair(dilation, spatial, 1), ceil_mode)
    result = window_op(b, MaxPool2d, value, layout, batched, window, layout.shape[2])
    return (result, None) if "indices" in b.operator else result


@handles("avg_pool2d", "avg_pool1d")
def average_pool(
    b: Builder,
    value: Value,
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None = None,
) -> Value:
    spatial = 1 if "1d" in b.operator else 2
    layout, batched = images(b, value, spatial)
    size = as_pair(kernel, spatial, 1)
    step = as_pair(stride, spatial, 1) if stride else size
    pads = as_pair(padding, spatial, 0)
    window = _pool_window(layout, size, step, pads, (1, 1), ceil_mode)
    if divisor is None and count_include_pad and any(pads):
        if window.padding[2] > pads[0] or window.padding[3] > pads[1]:
            raise b.error("ceil_mode together with padding that counts is not supported; set count_include_pad=False")
        divisor = size[0] * size[1]
    return window_op(b, AveragePool2d, value, layout, batched, window, layout.shape[2], divisor=divisor)


def _adaptive(b: Builder, value: Value, sizes: Any) -> tuple[np.ndarray, bool, Pair, Window | None]:
    """(layout, batched, output rows and columns, the window where all windows are equal)."""
    spatial = 1 if "1d" in b.operator else 2
    layout, batched = images(b, value, spatial)
    listed = list(sizes) if isinstance(sizes, list | tuple) else [sizes]
    listed = (listed * spatial)[:spatial] if len(listed) == 1 else listed
    rows, columns = (listed[axis] if axis < len(listed) and listed[axis] else layout.shape[axis] for axis in (0, 1))
    if layout.shape[0] % rows or layout.shape[1] % columns:
        return layout, batched, (rows, columns), None
    size = (layout.shape[0] // rows, layout.shape[1] // columns)
    return layout, batched, (rows, columns), Window(size, size)


@handles("adaptive_avg_pool2d", "adaptive_avg_pool1d", "_adaptive_avg_pool2d")
def adaptive_average_pool(b: Builder, value: Value, sizes: Any) -> Value:
    layout, batched, (rows, columns), window = _adaptive(b, value, sizes)
    channels = layout.shape[2]
    if window is not None:
        return window_op(b, AveragePool2d, value, layout, batched, window, channels)
    source = b.buffer(value.tensor, layout)
    output = b.emit(AveragePool2d, (source,), (rows, columns, channels), window=Window((1, 1)), adaptive=True)
    shape = (channels, rows, columns) if value.index.ndim - batched == 3 else (channels, rows)
    return b.wrap(output, from_layout(shape), batched)


@handles("adaptive_max_pool2d", "adaptive_max_pool1d")
def adaptive_max_pool(b: Builder, value: Value, sizes: Any) -> Any:
    layout, batched, (rows, columns), window = _adaptive(b, value, sizes)
    if window is None:
        raise b.error(
            f"adaptive max-pooling of {layout.shape[0]} x {layout.shape[1]} to {rows} x {columns} needs windows of "
            "different sizes; choose an output size that divides the input's"
        )
    return window_op(b, MaxPool2d, value, layout, batched, window, layout.shape[2]), None


# --- Reductions over axes: pooling whose window is the whole of them


def reduce(b: Builder, kind: type[Op], value: Value, axes: Any, keepdim: bool, **fields: Any) -> Value:
    """Pools `value` over `axes` (of the torch tensor, None: all but the batch)."""
    index, batched = b.strip(value)
    first = int(batched)
    listed = axes if isinstance(axes, list | tuple) else ([] if axes is None else [axes])
    reduced = sorted({axis % value.index.ndim - first for axis in listed}) or list(range(index.ndim))
    if reduced[0] < 0:
        raise b.error("it reduces over the batch; keep samples apart")
    kept = [axis for axis in range(index.ndim) if axis not in reduced]
    kept_shape = tuple(index.shape[axis] for axis in kept)
    if index.ndim == 3 and len(reduced) == 1 and reduced[0] in (1, 2):
        layout, order = to_layout(index), (index.shape[0], index.shape[3 - reduced[0]])
        size = (layout.shape[0], 1) if reduced[0] == 1 else (1, layout.shape[1])
        result = from_layout(order)
    else:
        channels = int(np.prod(kept_shape))
        layout = rows_layout(b, value.tensor, index.transpose(*reduced, *kept).reshape(-1, channels))
        size = (layout.shape[0], layout.shape[1])
        result = np.arange(channels).reshape(kept_shape)
    output_shape: Shape = (layout.shape[0] // size[0], layout.shape[1] // size[1], layout.shape[2])
    output = b.emit(kind, (b.buffer(value.tensor, layout),), output_shape, window=Window(size, size), **fields)
    if keepdim:
        result = result.reshape([1 if axis in reduced else n for axis, n in enumerate(index.shape)])
    return b.wrap(output, result, batched)


def rows_layout(b: Builder, tensor: str, rows: np.ndarray) -> np.ndarray:
    """Layout of [positions, channels]: the tensor's own height and width where it lies like that already."""
    if tensor in b.tensors:
        shape = b.tensors[tensor].shape
        if shape[2] == rows.shape[1] and np.array_equal(rows.ravel(), np.arange(b.size(tensor))):
            return rows.reshape(shape)
    return rows[:, None, :]


@handles("mean")
def mean(b: Builder, value: Value, axes: Any = None, keepdim: bool = False, **_: Any) -> Value:
    return reduce(b, AveragePool2d, value, axes, bool(keepdim))


@handles("sum")
def total(b: Builder, value: Value, axes: Any = None, keepdim: bool = False, **_: Any) -> Value:
    return reduce(b, AveragePool2d, value, axes, bool(keepdim), divisor=1)


@handles("amax")
def largest(b: Builder, value: Value, axes: Any, keepdim: bool) -> Value:
    return reduce(b, MaxPool2d, value, axes, keepdim)


@handles("max")
def largest_with_indices(b: Builder, value: Value, axis: Any = None, keepdim: bool = False, *_: Any) -> Any:
    if isinstance(axis, Value | torch.Tensor):
        return HANDLERS["maximum"](b, value, axis)
    result = reduce(b, MaxPool2d, value, axis, bool(keepdim))
    return result if axis is None else (result, None)


@handles("amin")
def smallest(b: Builder, value: Value, axes: Any, keepdim: bool) -> Value:
    negated = b.affine(value, np.array(-1.0), np.array(0.0))
    return b.affine(reduce(b, MaxPool2d, negated, axes, keepdim), np.array(-1.0), np.array(0.0))
