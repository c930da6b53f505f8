"""Weights and biases of convolutions and linear layers in integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from freeml_pack.graph import Quant, Requant
from freeml_pack.quantize.codebook import fit_scales
from freeml_pack.quantize.requant import MAX_LEFT_SHIFT, exponent, headroom, requantization
from freeml_pack.quantize.rounding import round_weights

_SMALLEST_MULTIPLIER = 2.0**-18  # finer weights would change no output, and their bias would need too many bits
_FRACTION_BITS = 6  # that an output keeps below its last bit until it is rounded


@dataclass(frozen=True, eq=False)
class ConvConstants:
    weight: np.ndarray  # int8 [out, taps]
    weight_scale: np.ndarray  # float64 [out]
    bias: np.ndarray  # int32 [out], input zero point folded in
    requant: Requant


def quantize_conv(
    weight: np.ndarray,
    bias: np.ndarray,
    moments: np.ndarray | None,
    input_quant: Quant,
    output_quant: Quant,
    stored_zero_point: int,
    codebook: np.ndarray | None = None,
) -> ConvConstants:
    """weight: float [out, taps], bias: float [out], moments: see `round_weights`, codebook: see `Conv2d`.

    `output_quant` is of the value before a look-up; the kernel adds `stored_zero_point`, the output tensor's, so the
    difference of the two goes into the bias.

    A channel's weight scale is its largest weight / 127, or what fits its codebook; enlarged where its accumulator (nearly
    always because of a bias that is large beside its weights) would leave int32 at a left shift that all channels need for
    their precision."""
    step = input_quant.scale / output_quant.scale
    scale = np.abs(weight).max(axis=1, initial=0.0).astype(np.float64) / 127.0
    if codebook is not None:
        scale = fit_scales(weight, codebook)
    scale = np.maximum(scale, _SMALLEST_MULTIPLIER / step)
    while True:
        real = scale * step
        integers, corrected = round_weights(weight, bias, scale, moments, codebook)
        shifted = np.rint(corrected / (scale * input_quant.scale) + (output_quant.zero_point - stored_zero_point) / real)
        folded = shifted - input_quant.zero_point * integers.sum(axis=1)
        bound = np.abs(folded) + 128.0 * np.abs(integers).sum(axis=1)
        crowded = headroom(bound) < _needed_left_shift(real)
        if not crowded.any():
            break
        scale = np.where(crowded, scale * 2.0, scale)
    return ConvConstants(integers.astype(np.int8), scale, folded.astype(np.int32), requantization(real, bound))


def _needed_left_shift(real: np.ndarray) -> int:
    """For `_FRACTION_BITS` where a step of the accumulator is less than one of the output, and for a shift >= 1."""
    power = exponent(real)
    needed = np.maximum(np.minimum(power, 0) + 1 + _FRACTION_BITS, power + 2)
    return int(np.clip(needed, 0, MAX_LEFT_SHIFT).max())
