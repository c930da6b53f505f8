"""Transposed convolutions and bilinear upsampling, as ordinary convolutions.

With stride s, output rows of phase r = row % s depend on the kernel's rows r, r + s, r + 2s, ... only. So each phase is an
ordinary convolution with an s-th of the kernel; all of them are one with s times the channels, whose outputs are interleaved.
No multiplication by an inserted zero is left. (Shi et al., "Is the deconvolution layer the same as a convolutional layer?",
2016, section 3.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from freeml_pack.frontend.to_graph.builder import Builder
from freeml_pack.frontend.to_graph.handlers import array, handles
from freeml_pack.frontend.to_graph.shapes import extend
from freeml_pack.frontend.to_graph.value import Value, from_layout, to_layout
from freeml_pack.frontend.to_graph.windows import Pair, as_pair, convolution_op, convolve, images, kernels_of
from freeml_pack.graph import Window


@handles("convolution", "_convolution", "convolution_overrideable")
def convolution(b: Builder, value: Value, *arguments: Any) -> Value:
    weight, bias, stride, padding, dilation, transposed, output_padding, groups = arguments[:8]
    if transposed:
        return convolve_transposed(b, value, weight, bias, stride, padding, output_padding, groups, dilation)
    return convolve(b, value, weight, bias, stride, padding, dilation, groups)


@handles("conv_transpose2d", "conv_transpose1d")
def convolve_transposed(
    b: Builder,
    value: Value,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Value:
    weights, spatial = kernels_of(b, weight, bias)
    layout, batched = images(b, value, spatial)
    step, margin = as_pair(stride, spatial, 1), as_pair(padding, spatial, 0)
    kernels = _dilated(weights, dilation, spatial)
    extra = as_pair(output_padding, spatial, 0)
    sizes = [
        (layout.shape[axis] - 1) * step[axis] - 2 * margin[axis] + kernels.shape[2 + axis] + extra[axis] for axis in (0, 1)
    ]
    if min(sizes) < 1:
        raise b.error(f"its padding leaves nothing of its output of {sizes[0]} x {sizes[1]}")
    phases = _phases(kernels, step, extra, groups)
    taps = phases.shape[2:]
    # As many rows and columns as the crop of the interleaved outputs needs.
    ends = [max(0, -(-(margin[axis] + sizes[axis]) // step[axis]) - layout.shape[axis]) for axis in (0, 1)]
    window = Window((taps[0], taps[1]), padding=(taps[0] - 1, taps[1] - 1, ends[0], ends[1]))
    outputs = len(phases) // (step[0] * step[1])
    biases = np.repeat(np.zeros(outputs) if bias is None else array(bias), step[0] * step[1])
    result = convolution_op(b, value, layout, batched, window, phases, biases, groups)
    return _interleave(b, result, step, margin, sizes, spatial)


def _dilated(kernels: np.ndarray, dilation: Any, spatial: int) -> np.ndarray:
    """[in, out / groups, height, width] with the zeros of a dilation written out."""
    rows, columns = as_pair(dilation, spatial, 1)
    height, width = ((size - 1) * step + 1 for size, step in zip(kernels.shape[2:], (rows, columns), strict=True))
    result = np.zeros((*kernels.shape[:2], height, width))
    result[:, :, ::rows, ::columns] = kernels
    return result


def _phases(kernels: np.ndarray, step: Pair, extra: Pair, groups: int) -> np.ndarray:
    """Transposed kernels [in, out / groups, height, width] as ordinary ones [out * phases, in / groups, taps_h, taps_w]."""
    inputs, outputs, *size = kernels.shape
    taps = [-(-(n + more) // s) for n, more, s in zip(size, extra, step, strict=True)]
    whole = np.zeros((inputs, outputs, taps[0] * step[0], taps[1] * step[1]))
    whole[:, :, : size[0], : size[1]] = kernels
    split = whole.reshape(groups, inputs // groups, outputs, taps[0], step[0], taps[1], step[1])
    ordered = split.transpose(0, 2, 4, 6, 1, 3, 5)[..., ::-1, ::-1]  # groups, out, phase, phase, in, tap, tap
    return ordered.reshape(groups * outputs * step[0] * step[1], inputs // groups, *taps)


def _interleave(b: Builder, value: Value, step: Pair, margin: Pair, sizes: list[int], spatial: int) -> Value:
    """The phases' outputs, row by row and column by column, without the margin."""
    index, batched = b.strip(value)
    channels = len(index) // (step[0] * step[1])
    split = index.reshape(channels, *step, index.shape[1], -1).transpose(0, 3, 1, 4, 2)
    whole = split.reshape(channels, split.shape[1] * step[0], -1)
    cropped = whole[:, margin[0] : margin[0] + sizes[0], margin[1] : margin[1] + sizes[1]]
    index = cropped if spatial == 2 else cropped[:, :, 0]
    if step == (1, 1):
        return b.wrap(value.tensor, index, batched)
    layout, places = to_layout(index), to_layout(from_layout(index.shape))
    phases = [(slice(row, None, step[0]), slice(column, None, step[1])) for row in range(step[0]) for column in range(step[1])]
    pieces = [(value.tensor, layout[phase].ravel(), places[phase].ravel()) for phase in phases if layout[phase].size]
    return b.wrap(b.gather(pieces, layout.shape), from_layout(index.shape), batched)


@handles("upsample_bilinear2d", "upsample_linear1d")
def upsample_linear(b: Builder, value: Value, sizes: Any, align_corners: bool, *scales: Any) -> Value:
    """By a whole factor f: a transposed convolution with a triangle of 2 f weights."""
    spatial = 1 if "1d" in b.operator else 2
    given = value.shape[-spatial:]
    if sizes is None:
        listed = scales[0] if isinstance(scales[0], list | tuple) else scales[:spatial]
        sizes = [int(size * factor) for size, factor in zip(given, listed, strict=True)]
    factors = [size // old for size, old in zip(sizes, given, strict=True)]
    if align_corners or any(old * factor != size for old, factor, size in zip(given, factors, sizes, strict=True)):
        raise b.error(
            f"linear upsampling of {given} to {tuple(sizes)} with align_corners={align_corners} is not supported; use a whole "
            "factor and align_corners=False, or mode='nearest'"
        )
    triangles = [1 - abs(np.arange(2 * f - f % 2) - (f - 0.5 - f % 2 / 2)) / f for f in factors]
    kernel = triangles[0] if spatial == 1 else triangles[0][:, None] * triangles[1]
    channels = value.shape[-spatial - 1]
    weight = torch.from_numpy(np.broadcast_to(kernel, (channels, 1, *kernel.shape)).copy())
    margin = [f + f // 2 for f in factors]
    wider = extend(b, value, [1] * (2 * spatial), "replicate")
    return convolve_transposed(b, wider, weight, None, factors, margin, [0] * spatial, channels, [1] * spatial)
