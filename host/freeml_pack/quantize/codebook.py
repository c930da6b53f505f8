"""Weights that were trained to take few values."""

from __future__ import annotations

import numpy as np

from freeml_pack.encodings import CODES

LEAST_SPARSITY = 0.3  # of a layer's weights; from here on its zeros were made so, and stay


def nearest(values: np.ndarray, codebook: np.ndarray | None) -> np.ndarray:
    """The nearest allowed integer of each value (float64, same shape): -127..127, or those of the codebook."""
    if codebook is None:
        return np.clip(np.rint(values), -127, 127)
    allowed = np.unique(codebook.astype(np.float64))
    middles = (allowed[1:] + allowed[:-1]) / 2
    return np.asarray(allowed[np.searchsorted(middles, values)])


def codebook_in(weight: np.ndarray) -> np.ndarray | None:
    """The codebook (see `Conv2d`) of a layer's weights [out, taps] that take at most 16 values in each channel, the largest of
    them everywhere; None where they take more, or are so few that it means nothing."""
    largest = np.abs(weight).max(axis=1, keepdims=True, initial=0.0).astype(np.float64)
    values = np.unique(np.round(127.0 * weight / np.where(largest > 0.0, largest, 1.0), 2))
    if len(values) > CODES or weight.size < 16 * CODES:
        return None
    codebook = np.unique(np.rint(values))
    return np.pad(codebook, (0, CODES - len(codebook)), mode="edge").astype(np.float32)


def fit_scales(weight: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """float64 [out]: the scale of each output channel with which the codebook's values are nearest to its weights [out, taps].
    A channel need not use the codebook's largest value: its largest weight may stand for any of them."""
    largest = np.abs(weight).max(axis=1, initial=0.0).astype(np.float64)
    best, least = largest / 127.0, np.full(len(weight), np.inf)
    for value in sorted({abs(float(v)) for v in codebook} - {0.0}):
        scale = np.where(largest > 0.0, largest / value, 1.0)
        target = weight / scale[:, None]
        error = np.square((nearest(target, codebook) - target) * scale[:, None]).sum(axis=1)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return np.where(largest > 0.0, best, 0.0)  # a channel of zeros has only a bias, which wants a fine scale


def kept_mask(weight: np.ndarray, codebook: np.ndarray | None) -> np.ndarray | None:
    """bool, as the weights [out, taps] of a layer: those that are not 0.0; None where zeros need not stay."""
    mask = weight != 0.0
    may_be_0 = codebook is None or 0.0 in codebook
    return mask if may_be_0 and mask.mean() <= 1.0 - LEAST_SPARSITY else None
