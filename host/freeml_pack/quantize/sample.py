"""From the user's numbers to the first tensor: on the device for integers, in Python for floating-point numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from freeml_pack.errors import PackError
from freeml_pack.graph import Quant, Quantize, Sample, SampleType
from freeml_pack.quantize.requant import INT32_MAX
from freeml_pack.samples import limits


def sample_from_floats(sample: Sample, quant: Quant) -> Sample:
    """The sample as int8, and the constants with which Python makes it from the user's floating-point numbers."""
    normalisation = sample.normalisation
    return replace(
        sample,
        type=SampleType.INT8,
        input_scale=tuple(scale / quant.scale for scale in normalisation.scale),
        input_offset=tuple(offset / quant.scale + quant.zero_point for offset in normalisation.offset),
        input_repeat=normalisation.repeat,
    )


def quantize_sample_constants(sample: Sample, op: Quantize, quant: Quant) -> np.ndarray:
    """int64 [n, 3] of m, o, s (SPEC.md, QUANTIZE): n = 1, or one row per depth index of the op's view."""
    if sample.type is None:
        return np.array([[1, 0, 0]])
    scale, offset = (np.array(values, np.float64) for values in (sample.normalisation.scale, sample.normalisation.offset))
    if len(scale) == 1:
        return _affine(sample.type, scale / quant.scale, offset / quant.scale + quant.zero_point)
    channel = op.view.source.indices(op.view.space) // sample.normalisation.repeat % len(scale)
    if (channel != channel[0, 0]).any():
        raise PackError(
            "the data's normalisation differs along an axis that the model does not use as channels: "
            "normalise the data before packing, or give one --mean and --std for all."
        )
    picked = channel[0, 0]
    return _affine(sample.type, scale[picked] / quant.scale, offset[picked] / quant.scale + quant.zero_point)


def _affine(sample_type: SampleType, gain: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Integers for q = round(x * gain + offset), with the most fraction bits that fit int16 and int32."""
    low, high = limits(sample_type)
    if np.allclose(gain, 1.0, rtol=1e-6):
        return np.array([[1, np.rint(o), 0] for o in offset], np.int64)
    rows = []
    for g, o in zip(gain, offset, strict=True):
        g, o = float(np.clip(g, -(2**12), 2**12)), float(np.clip(o, -(2**28), 2**28))  # a step of x saturates long before
        reach = max(abs(low), high) * abs(g) + abs(o) + 1.0
        bits = np.floor(np.log2([32767 / max(abs(g), 2.0**-16), INT32_MAX / 2 / reach]))
        s = int(np.clip(bits.min(), 0, 31))
        rows.append((round(g * 2**s), round(o * 2**s) + (1 << s >> 1), s))
    return np.array(rows, np.int64)
