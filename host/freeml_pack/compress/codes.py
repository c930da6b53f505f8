"""Quantization in training: layers compute with the very weights that the blob will hold.

Weights that a codebook codes are scale[channel] * codebook[index]. Codebooks begin as the centres of k-means (Han et al., "Deep
Compression", 2016); they, the scales and the weights behind the indices learn together."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from freeml_pack.encodings import CODES

_ROUNDS = 25  # of k-means
_TINY = 1e-12


class Codes(nn.Module):
    """The weight view of one layer: float [out, ...] -> the same shape, masked and quantized, with gradients for all of its
    parts."""

    mask: Tensor

    def __init__(self, weight: Tensor, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask.clone())
        kept = mask.flatten(1).sum(1).clamp(min=1)
        rms = ((weight.detach() * mask).flatten(1).square().sum(1) / kept).sqrt()
        self.log_scale = nn.Parameter((rms + _TINY).log())
        self.book = nn.Parameter(_centres((weight.detach() / self._spread(rms + _TINY, weight))[mask > 0]))

    @staticmethod
    def _spread(per_channel: Tensor, weight: Tensor) -> Tensor:
        return per_channel.reshape(-1, *[1] * (weight.dim() - 1))

    def forward(self, weight: Tensor) -> Tensor:
        scale = self._spread(self.log_scale.exp(), weight)
        book = self._rounded_book()
        value = book[self._indices(weight, scale, book)] * scale
        return (value + weight - weight.detach()) * self.mask

    def _rounded_book(self) -> Tensor:
        """Sorted, on a grid of int8."""
        book = self.book.sort().values
        unit = self._unit(book)
        return book + ((book / unit).round() * unit - book).detach()

    @staticmethod
    def _unit(book: Tensor) -> Tensor:
        return book.detach().abs().max().clamp(min=_TINY) / 127

    @staticmethod
    def _indices(weight: Tensor, scale: Tensor, book: Tensor) -> Tensor:
        middles = (book[1:] + book[:-1]).detach() / 2
        return torch.bucketize((weight / scale).detach().contiguous(), middles)

    @torch.no_grad()
    def codebook(self) -> np.ndarray:
        """float32 [16], see `Conv2d`; the first is 0."""
        unit = self._unit(self.book)
        return np.append(np.float32(0), (self._rounded_book() / unit).round().numpy()).astype(np.float32)


class Bytes(nn.Module):
    """The view of weights that are int8 per channel, and masked."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask.clone())

    def forward(self, weight: Tensor) -> Tensor:
        weight = weight * self.mask
        largest = weight.detach().flatten(1).abs().amax(1).clamp(min=_TINY)
        scale = (largest / 127).reshape(-1, *[1] * (weight.dim() - 1))
        return weight + ((weight / scale).round() * scale - weight).detach()


def _centres(values: Tensor) -> Tensor:
    """15 centres of the values, sorted, by k-means from evenly filled beginnings; of fewer values, they themselves and more."""
    count = CODES - 1
    if len(values) == 0:
        return torch.linspace(-1.0, 1.0, count)
    values = values.double().sort().values
    centres = torch.quantile(values, (torch.arange(count, dtype=torch.float64) + 0.5) / count)
    centres = (centres + torch.linspace(float(values[0]), float(values[-1]), count)) / 2  # the tails get some, too
    for _ in range(_ROUNDS):
        nearest = torch.bucketize(values, (centres[1:] + centres[:-1]) / 2)
        sums = torch.zeros_like(centres).index_add_(0, nearest, values)
        counts = torch.bincount(nearest, minlength=count)
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres).sort().values
    return centres.float()
