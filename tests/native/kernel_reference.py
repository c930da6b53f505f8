"""The operators of schema/SPEC.md, written down as plainly as possible in 64-bit integers; slow, and independent of
everything else in the project. Arrays are (height, width, channels)."""

from __future__ import annotations

import numpy as np
from native.kernel_library import ADAPTIVE, Case, Shape, Strides

Box = tuple[slice, slice, slice]


def box(case: Case, index: int) -> Box:
    """Tile number `index` of the case's iteration space."""
    space, tile = case.space, case.tile
    counts = [-(-s // t) for s, t in zip(space, tile, strict=True)]
    place = (index % counts[0], index // counts[0] % counts[1], index // (counts[0] * counts[1]))
    row, column, channel = (slice(p * t, min(s, (p + 1) * t)) for p, t, s in zip(place, tile, space, strict=True))
    return row, column, channel


def tile_count(case: Case) -> int:
    return int(np.prod([-(-s // t) for s, t in zip(case.space, case.tile, strict=True)]))


def requantize(case: Case, a: int, m: int, s: int) -> int:
    t = ((a << case.left_shift) * m) >> 16
    return clamp(case, ((t + (1 << (s - 1))) >> s) + case.zero_points[2])


def clamp(case: Case, q: int) -> int:
    return max(case.limits[0], min(case.limits[1], q))


def taps_of(case: Case, row: int, column: int) -> tuple[list[int], list[int]]:
    """Input rows and columns under the window of an output pixel, outside ones included."""
    window, size = case.window, case.input.shape  # type: ignore[union-attr]
    if case.flags & ADAPTIVE:
        out = case.output_shape
        spans = [range(i * h // o, -(-(i + 1) * h // o)) for i, h, o in zip((row, column), size[:2], out[:2], strict=True)]
        return list(spans[0]), list(spans[1])
    rows, columns = (
        [i * s - p + t * d for t in range(k)]
        for i, s, p, k, d in zip((row, column), window.stride, window.pad, window.kernel, window.dilation, strict=True)
    )
    return rows, columns


def pad_to(case: Case, margin: int = 64) -> np.ndarray:
    """The input with a border of zero points."""
    return np.pad(
        case.input.astype(np.int64),  # type: ignore[union-attr]
        ((margin, margin), (margin, margin), (0, 0)),
        constant_values=case.zero_points[0],
    )


def accumulate(case: Case, shape: Shape, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Accumulators of CONV_2D, over the shape of the convolution; weight [out, kernel_h, kernel_w, in / groups]."""
    margin = 64
    x = pad_to(case, margin)
    out = np.zeros(shape, np.int64)
    group_in, group_out = weight.shape[3], shape[2] // case.window.groups
    begin = case.window.channels[0] if case.window.channels else 0
    for row, column, channel in np.ndindex(shape):
        rows, columns = taps_of(case, row, column)
        first = begin + channel // group_out * group_in
        patch = x[np.add(rows, margin)][:, np.add(columns, margin)][:, :, first : first + group_in]
        out[row, column, channel] = int(bias[channel]) + int((patch * weight[channel].astype(np.int64)).sum())
    return out


def convolve(case: Case, weight: np.ndarray, bias: np.ndarray, m: np.ndarray, s: np.ndarray) -> np.ndarray:
    """CONV_2D, with its pooling; weight [out, kernel_h, kernel_w, in / groups]."""
    (height, width, channels), (pool_height, pool_width) = case.output_shape, case.window.pool
    sums = accumulate(case, (height * pool_height, width * pool_width, channels), weight, bias)
    if case.input2 is not None:
        sums += case.input2.view("<i4")
    return pooled(case, requantized(case, sums, m, s))


def requantized(case: Case, sums: np.ndarray, m: np.ndarray, s: np.ndarray) -> np.ndarray:
    out = np.zeros(sums.shape, np.int64)
    for row, column, channel in np.ndindex(sums.shape):
        total = int(sums[row, column, channel])
        assert -(2**31) <= total << case.left_shift < 2**31
        out[row, column, channel] = requantize(case, total, int(m[channel]), int(s[channel]))
    return out


def pooled(case: Case, x: np.ndarray) -> np.ndarray:
    (height, width, channels), (pool_height, pool_width) = case.output_shape, case.window.pool
    return np.asarray(x.reshape(height, pool_height, width, pool_width, channels).max(axis=(1, 3)))


def depthwise(case: Case, weight: np.ndarray, bias: np.ndarray, m: np.ndarray, s: np.ndarray) -> np.ndarray:
    """DEPTHWISE_CONV_2D; weight [out, kernel_h, kernel_w]: a convolution with one group per input channel."""
    return convolve(case, weight[..., None], bias, m, s)


def pool(case: Case, scales: list[tuple[int, int]] | None = None) -> np.ndarray:
    """MAX_POOL_2D; with scales (multiplier, shift by count) AVERAGE_POOL_2D."""
    assert case.input is not None
    out = np.zeros(case.output_shape, np.int64)
    height, width, _ = case.input.shape
    for row, column, channel in np.ndindex(case.output_shape):
        rows, columns = taps_of(case, row, column)
        values = [int(case.input[y, x, channel]) for y in rows for x in columns if 0 <= y < height and 0 <= x < width]
        if scales is None:
            out[row, column, channel] = clamp(case, max(values))
        else:
            m, s = scales[0] if len(scales) == 1 else scales[len(values) - 1]
            out[row, column, channel] = requantize(case, sum(v - case.zero_points[0] for v in values), m, s)
    return out


def add(case: Case, m1: int, m2: int, s: int) -> np.ndarray:
    x1 = case.input.astype(np.int64) - case.zero_points[0]  # type: ignore[union-attr]
    x2 = case.input2.astype(np.int64) - case.zero_points[1]  # type: ignore[union-attr]
    return np.clip(((x1 * m1 + x2 * m2 + (1 << (s - 1))) >> s) + case.zero_points[2], *case.limits)


def multiply(case: Case, m: int, s: int) -> np.ndarray:
    x1 = case.input.astype(np.int64) - case.zero_points[0]  # type: ignore[union-attr]
    x2 = case.input2.astype(np.int64) - case.zero_points[1]  # type: ignore[union-attr]
    return np.vectorize(lambda a: requantize(case, int(a), m, s), otypes=[np.int64])(x1 * x2)


def places(strides: Strides, space: Shape) -> np.ndarray:
    """Element numbers of a view's side, [rows, columns, depth]."""
    i, j, k = np.indices(space)
    return strides.offset + i * strides.row + j * strides.column + k * strides.depth


def quantize(case: Case, constants: np.ndarray) -> np.ndarray:
    """Values over the view's space. constants [n, 3]: m, o, s."""
    assert case.view is not None
    assert case.sample is not None
    x = case.sample[places(case.view.source, case.space)].astype(np.int64)
    return np.clip((x * constants[:, 0] + constants[:, 1]) >> constants[:, 2], *case.limits)


def copy(case: Case) -> np.ndarray:
    """Values over the view's space."""
    assert case.view is not None
    assert case.input is not None
    x = case.input.reshape(-1)[places(case.view.source, case.space)].astype(np.int64)
    return np.clip(x, *case.limits) if case.lookup is None else case.lookup[x + 128].astype(np.int64)
