"""Training samples as they might have been.

They are *varied* (moved, mirrored) only as far as the original network does not mind on held-out samples: whether digits may be
mirrored is measured, not asked. They are *disturbed* (mixed with one another, louder, noisy, a part of them missing) whatever
the original says to that: its answer to what they have become is what is learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from freeml_pack.data.layout import Layout

_MIND = 0.02  # share of held-out answers that may become wrong by varying samples
_SHIFTS = (0.125, 0.0625, 0.03)  # of an axis, tried in this order
_GAIN, _OFFSET, _NOISE = 0.1, 0.2, 0.2  # standard deviations; of a sample's size, its mean, and most of its values
_MISSING = 0.25  # of each axis, at most, takes the mean value
_MIXED = 0.5  # share of the disturbed samples that are mixed with another one


@dataclass(frozen=True)
class Variation:
    """shift: most places along each axis behind the first of the model's input; flip: whether the last axis may be turned."""

    shift: tuple[int, ...] = ()
    flip: bool = False


def harmless_variation(x: Tensor, layout: Layout, right: Callable[[Tensor], float]) -> Variation:
    """What costs hardly any right answers; right: their share, 0..1, on samples like x [N, *layout.stored]."""
    axes = layout.model[1:]
    if not axes or not len(x):
        return Variation()
    enough = right(x) - _MIND
    still = np.zeros((len(x), len(axes)), np.int64)

    def is_harmless(axis: int, places: int) -> bool:
        step = np.arange(len(axes)) == axis
        return places > 0 and min(right(_moved(x, layout, still + sign * places * step)) for sign in (1, -1)) >= enough

    flip = len(axes) == 2 and right(_moved(x, layout, still, np.ones(len(x), bool))) >= enough
    tried = [[round(share * size) for share in _SHIFTS] for size in axes]
    shift = tuple(next((n for n in places if is_harmless(axis, n)), 0) for axis, places in enumerate(tried))
    return Variation(shift, flip)


def varied(x: Tensor, layout: Layout, variation: Variation, random: np.random.Generator) -> Tensor:
    """Each sample of [N, *layout.stored] in its own way."""
    if not any(variation.shift) and not variation.flip:
        return x
    most = np.array(variation.shift)
    shifts = random.integers(-most, most + 1, (len(x), len(most)))
    return _moved(x, layout, shifts, random.random(len(x)) < (0.5 if variation.flip else 0))


def disturbed(
    x: Tensor, shares: Tensor, layout: Layout, chosen: np.ndarray, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """The chosen (bool [N]) of the samples x [N, *layout.stored] disturbed, those that are mixed with their labels' shares
    [N, outputs] (Zhang et al., "mixup", 2018); parts that are missing as in Park et al., "SpecAugment", 2019."""
    mean, deviation = float(x.mean()), float(x.std())
    each = (len(x), *[1] * (x.dim() - 1))

    def normal(shape: tuple[int, ...]) -> Tensor:
        return torch.from_numpy(random.standard_normal(shape, np.float32))

    level = torch.from_numpy(random.random(each, np.float32))
    made = (x - mean) * (1 + _GAIN * normal(each)) + deviation * (_OFFSET * normal(each) + _NOISE * level * normal(x.shape))
    made = _with_parts_missing(made, layout, random) + mean
    is_mixed = chosen & (random.random(len(x)) < _MIXED)
    part = torch.from_numpy(np.where(is_mixed, random.random(len(x)), 0).astype(np.float32))
    other = torch.from_numpy(random.permutation(len(x)))
    made = torch.where(torch.from_numpy(chosen).reshape(each), made, x)
    return _mixture(made, made[other], part), _mixture(shares, shares[other], part)


def _mixture(a: Tensor, b: Tensor, part: Tensor) -> Tensor:
    """part: [N], of b."""
    part = part.reshape(-1, *[1] * (a.dim() - 1))
    return (1 - part) * a + part * b


def _with_parts_missing(x: Tensor, layout: Layout, random: np.random.Generator) -> Tensor:
    """0 in a stretch of each axis of [N, *layout.stored]."""
    made = _to_model(x, layout)
    for axis, size in enumerate(layout.model[1:]):
        length = random.integers(0, int(_MISSING * size) + 1, (len(x), 1))
        begin = random.integers(0, size - length + 1)
        place = np.arange(size)
        missing = (place >= begin) & (place < begin + length)
        made = made.masked_fill(_along(missing, made, axis + 2), 0.0)
    return _to_stored(made, layout)


def _moved(x: Tensor, layout: Layout, shifts: np.ndarray, flips: np.ndarray | None = None) -> Tensor:
    """x: [N, *layout.stored]; shifts: [N, axes]; what a shift brings in is what lies at the border. flips: bool [N]."""
    moved = _to_model(x, layout)
    for axis in range(shifts.shape[1]):
        size = layout.model[axis + 1]
        index = np.clip(np.arange(size) + shifts[:, axis : axis + 1], 0, size - 1)
        if flips is not None and axis == shifts.shape[1] - 1:
            index = np.where(flips[:, None], index[:, ::-1], index)
        moved = moved.take_along_dim(_along(index, moved, axis + 2), axis + 2)
    return _to_stored(moved, layout)


def _along(values: np.ndarray, like: Tensor, axis: int) -> Tensor:
    """[N, size] in a shape that goes with that of `like`."""
    shape = [1] * like.dim()
    shape[0], shape[axis] = values.shape
    return torch.from_numpy(np.ascontiguousarray(values)).reshape(shape)


def _to_model(x: Tensor, layout: Layout) -> Tensor:
    moved = x if layout.axes is None else x.permute(0, *(axis + 1 for axis in layout.axes))
    return moved.reshape(len(x), *layout.model)


def _to_stored(x: Tensor, layout: Layout) -> Tensor:
    if layout.axes is None:
        return x.reshape(len(x), *layout.stored)
    return x.permute(0, *(int(axis) + 1 for axis in np.argsort(layout.axes))).contiguous()
