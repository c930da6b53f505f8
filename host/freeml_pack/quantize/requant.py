"""Integer constants that stand for a real multiplier (schema/SPEC.md, "Requantization"), as in section 2.2 of Jacob et al.,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference" (2018), with 15 bits."""

from __future__ import annotations

import numpy as np

from freeml_pack.graph import Requant

INT32_MAX = 2**31 - 1
MAX_LEFT_SHIFT = 15


def headroom(bound: np.ndarray) -> np.ndarray:
    """Largest left shift 0..15 that keeps an accumulator of at most `bound` (float64, per channel) in int32; -1: none."""
    bits = np.floor(np.log2(INT32_MAX / np.maximum(bound, 1.0)))
    return np.clip(bits, -1, MAX_LEFT_SHIFT).astype(np.int64)


def exponent(real: np.ndarray) -> np.ndarray:
    """e with 2^(e-1) <= real < 2^e, after rounding to 15 bits."""
    mantissa, power = np.frexp(real)
    return power.astype(np.int64) + (np.rint(np.ldexp(mantissa, 15)) == 2**15)


def requantization(real: np.ndarray, bound: np.ndarray) -> Requant:
    """Constants for real multipliers (float64, >= 0) of accumulators whose magnitudes are at most `bound`.

    The left shift is the largest that the bound allows: the more bits survive the 16-bit product, the smaller the error.
    A multiplier too large for it becomes the largest there is, 2^(left_shift - 2); see `quantize_conv` for why that is
    enough there. ValueError where the bound itself leaves int32."""
    real = np.atleast_1d(np.asarray(real, np.float64))
    left_shift = int(headroom(np.asarray(bound, np.float64)).min())
    if left_shift < 0:
        raise ValueError("accumulator leaves int32")
    shift = left_shift - 1 - exponent(real)
    multiplier = np.rint(np.ldexp(real, 16 + np.minimum(shift, 31) - left_shift))
    multiplier = np.where(shift < 1, 2**15 - 1, multiplier)
    return Requant(multiplier.astype(np.int32), np.clip(shift, 1, 31).astype(np.int32), left_shift)
