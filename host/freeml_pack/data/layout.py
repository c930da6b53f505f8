"""How a sample as stored maps to the model's input, and what its numbers mean there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from freeml_pack.errors import PackError
from freeml_pack.graph import Normalisation

Shape = tuple[int, ...]
Numbers = float | Sequence[float] | None


@dataclass(frozen=True, eq=False)
class Layout:
    """How a sample as stored maps to the model's input."""

    stored: Shape  # without the batch
    model: Shape
    axes: tuple[int, ...] | None  # transposition of the stored axes; None: a reshape is enough

    def to_model(self, x: np.ndarray) -> np.ndarray:
        """[N, *stored] -> [N, *model]"""
        moved = x if self.axes is None else x.transpose(0, *(axis + 1 for axis in self.axes))
        return moved.reshape(len(x), *self.model)


def find_layout(stored: Shape, model: Shape | None) -> Layout:
    """PackError where samples of shape `stored` cannot be the model's input. An exact match goes before a transposition."""
    if model is None:
        model = candidate_shapes(stored)[0]
    squeezed = tuple(n for n in stored if n != 1)
    same_order = squeezed == tuple(n for n in model if n != 1)
    flattened = np.prod(stored) == np.prod(model) and 1 in (len(squeezed), len(model))
    if stored == model or same_order:
        return Layout(stored, model, None)
    if len(stored) == len(model) > 1 and (*stored[-1:], *stored[:-1]) == model:  # channels last
        return Layout(stored, model, (len(stored) - 1, *range(len(stored) - 1)))
    if flattened:
        return Layout(stored, model, None)
    raise PackError(
        f"the model takes samples of shape {model}, but the data has {stored}: reshape the data or check --input-shape."
    )


def candidate_shapes(stored: Shape) -> list[Shape]:
    """Shapes that a model may want for samples of shape `stored`, the likeliest first: images (H, W) and (H, W, 1 or 3) become
    PyTorch's (C, H, W)."""
    shapes = [stored]
    if len(stored) == 2:
        shapes = [(1, *stored), stored]
    elif len(stored) == 3:
        turned = (stored[2], *stored[:2])
        shapes = [turned, stored] if stored[2] in (1, 3) and stored[0] not in (1, 3) else [stored, turned]
    elif len(stored) == 1:
        shapes = [stored, (1, *stored)]
    return list(dict.fromkeys([*shapes, (int(np.prod(stored)),)]))


def find_normalisation(layout: Layout, mean: Numbers, std: Numbers, scale: Numbers) -> Normalisation:
    """real = (number * scale - mean) / std as one affine function per channel of the stored sample."""
    channels = layout.model[0]
    given = {"mean": mean, "std": std, "scale": scale}
    default = {"mean": 0.0, "std": 1.0, "scale": 1.0}
    values = {name: np.atleast_1d(np.asarray(default[name] if v is None else v, np.float64)) for name, v in given.items()}
    for name, value in values.items():
        if value.shape not in ((1,), (channels,)):
            raise PackError(
                f"--{name} has {value.size} values, but the model's input has {channels} channels: give 1 or {channels}."
            )
        if not np.isfinite(value).all():
            raise PackError(f"--{name} is not a finite number: give finite numbers.")
    for name in ("std", "scale"):
        if (values[name] == 0).any():
            raise PackError(f"--{name} is 0: give a number other than 0.")
    gain = values["scale"] / values["std"]
    offset = -values["mean"] / values["std"] * np.ones_like(gain)
    gain = gain * np.ones_like(offset)
    last = layout.axes is not None or len(layout.model) == 1
    repeat = 1 if last or len(gain) == 1 else int(np.prod(layout.model[1:]))
    return Normalisation(tuple(gain.tolist()), tuple(offset.tolist()), repeat)
