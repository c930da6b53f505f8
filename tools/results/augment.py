"""Random variations of training samples. Each takes a batch and the generator that decides, and returns a batch alike."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

Augment = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


def none(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return x


def flipped_and_shifted(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Images [N, C, H, W]: half of them mirrored, each moved by up to an eighth of its size."""
    mirrored = torch.rand(len(x), generator=generator) < 0.5
    x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
    return _moved(x, x.shape[2] // 8, x.shape[3] // 8, generator)


def spoken_elsewhere(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Log-mel spectrograms [N, 1, time, frequency], standardised: moved in time by up to a tenth of a second and by a band,
    louder or softer, a stretch of time and of frequency masked (SpecAugment, Park et al. 2019), some noise."""
    x = _moved(x, 5, 1, generator)
    x = x + 0.2 * torch.randn(len(x), 1, 1, 1, generator=generator)
    x = x + 0.1 * torch.randn(x.shape, generator=generator)
    return _masked(_masked(x, 2, 10, generator), 3, 6, generator)


def worn_elsewhere(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Motion windows [N, channels, time], standardised: each channel stretched, moved and noisy, as by another way to wear
    the sensor."""
    gain = 1.0 + 0.1 * torch.randn(*x.shape[:2], 1, generator=generator)
    offset = 0.1 * torch.randn(*x.shape[:2], 1, generator=generator)
    return x * gain + offset + 0.1 * torch.randn(x.shape, generator=generator)


def _moved(x: torch.Tensor, rows: int, columns: int, generator: torch.Generator) -> torch.Tensor:
    """Each sample of [N, C, H, W] moved by up to so many rows and columns; the border is repeated."""
    count, _, height, width = x.shape
    padded = functional.pad(x, (columns, columns, rows, rows), mode="replicate")
    top = torch.randint(0, 2 * rows + 1, (count, 1), generator=generator) + torch.arange(height)
    left = torch.randint(0, 2 * columns + 1, (count, 1), generator=generator) + torch.arange(width)
    sample = torch.arange(count)[:, None, None]
    return padded.permute(0, 2, 3, 1)[sample, top[:, :, None], left[:, None, :]].permute(0, 3, 1, 2)


def _masked(x: torch.Tensor, axis: int, most: int, generator: torch.Generator) -> torch.Tensor:
    """0, which is the mean, in a stretch of up to `most` places along `axis`."""
    size = x.shape[axis]
    length = torch.randint(0, most + 1, (len(x), 1), generator=generator)
    begin = (torch.rand(len(x), 1, generator=generator) * (size - length)).long()
    place = torch.arange(size)
    inside = (place >= begin) & (place < begin + length)
    shape = [len(x), 1, 1, 1]
    shape[axis] = size
    return x.masked_fill(inside.reshape(shape), 0.0)
