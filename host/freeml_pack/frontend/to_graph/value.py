"""What a torch tensor is while the program is being read: places in a buffer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from freeml_pack.graph import OutputTransform

SAMPLE = "sample"
"""Stands for the sample itself, in the user's axis order, where a tensor's name is expected."""

ZERO = -1
"""Index of an element that is 0.0 and lies nowhere (padding)."""


@dataclass(frozen=True, eq=False)
class Value:
    """A torch tensor all of whose elements lie in the buffer of one graph tensor (or of the sample).

    Reshaping, permuting, slicing and padding with zeros change `index` only and cost nothing until an operator needs
    another order than the buffer has.
    """

    tensor: str
    index: np.ndarray
    """int64, the torch tensor's shape, batch included; element offsets in the buffer, in (height, width, channels) order.
    Sample b of the batch lies at b * (size of the buffer). ZERO where the element is padding."""

    transform: OutputTransform = OutputTransform.NONE
    """Softmax that the program applied: the buffer holds the scores before it."""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.index.shape


def to_layout(index: np.ndarray) -> np.ndarray:
    """(C, H, W), (C, L), (F,) or () -> [height, width, channels]; more axes -> one vector of features."""
    if index.ndim == 3:
        return index.transpose(1, 2, 0)
    if index.ndim == 2:
        return index.T[:, None, :]
    return index.reshape(1, 1, -1)


def from_layout(shape: tuple[int, ...]) -> np.ndarray:
    """Index of a torch tensor of this shape (no batch) in a buffer of its own that is ordered as `to_layout` says."""
    size = int(np.prod(shape))
    if len(shape) == 3:
        return np.arange(size).reshape(shape[1], shape[2], shape[0]).transpose(2, 0, 1)
    if len(shape) == 2:
        return np.arange(size).reshape(shape[1], shape[0]).T
    return np.arange(size).reshape(shape)
