"""Sliding windows over batches of (height, width, channels) arrays."""

from __future__ import annotations

import numpy as np

from freeml_pack.graph import Shape, Window


def patches(x: np.ndarray, window: Window, height: int, width: int, fill: float = 0) -> np.ndarray:
    """What each window sees: a view [N, height, width, kernel_h, kernel_w, C] of x [N, H, W, C] padded with `fill`.
    `height` and `width` are of the output; bottom and right padding follow from them."""
    (kernel_h, kernel_w), (stride_h, stride_w) = window.kernel, window.stride
    (dilation_h, dilation_w), (top, left, _, _) = window.dilation, window.padding
    bottom = (height - 1) * stride_h + (kernel_h - 1) * dilation_h + 1 - top - x.shape[1]
    right = (width - 1) * stride_w + (kernel_w - 1) * dilation_w + 1 - left - x.shape[2]
    borders = ((0, 0), (top, max(bottom, 0)), (left, max(right, 0)), (0, 0))
    padded = np.pad(x, borders, constant_values=fill) if any(map(any, borders)) else x
    n, row, column, channel = padded.strides
    return np.lib.stride_tricks.as_strided(
        padded,
        (x.shape[0], height, width, kernel_h, kernel_w, x.shape[3]),
        (n, row * stride_h, column * stride_w, row * dilation_h, column * dilation_w, channel),
        writeable=False,
    )


def taps_inside(shape: Shape | tuple[int, ...], window: Window, height: int, width: int) -> np.ndarray:
    """int64 [height, width]: how many taps of each window lie inside the input (H, W, C)."""
    return patches(np.ones((1, *shape[:2], 1), np.int64), window, height, width).sum(axis=(3, 4))[0, ..., 0]


def adaptive_bounds(size: int, out: int) -> list[tuple[int, int]]:
    """[begin, end) of each of `out` windows of adaptive pooling over `size` elements."""
    return [(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]
