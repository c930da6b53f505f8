"""The sample as the device is given it: bytes of one integer type."""

from __future__ import annotations

import numpy as np

from freeml_pack.graph import Sample, SampleType

DTYPES: dict[SampleType, np.dtype] = {
    SampleType.UINT8: np.dtype("u1"),
    SampleType.INT8: np.dtype("i1"),
    SampleType.UINT16: np.dtype("<u2"),
    SampleType.INT16: np.dtype("<i2"),
}


def limits(sample_type: SampleType) -> tuple[int, int]:
    """(lowest, highest) value."""
    info = np.iinfo(DTYPES[sample_type])
    return int(info.min), int(info.max)


def sample_bytes(sample: Sample, x: np.ndarray) -> np.ndarray:
    """What the device is given for the user's numbers x [N, *sample.shape]: uint8 [N, sample.size]. `sample` is of an int8
    graph. Floating-point numbers become integers as schema/model.fbs says (input_scale, input_offset, input_repeat)."""
    assert sample.type is not None, "the graph is not quantized"
    x = x.reshape(len(x), -1)
    if sample.input_scale:
        channel = np.arange(sample.elements) // sample.input_repeat % len(sample.input_scale)
        scale, offset = np.array(sample.input_scale)[channel], np.array(sample.input_offset)[channel]
        x = np.clip(np.rint(x * scale + offset), *limits(sample.type))
    stored = np.ascontiguousarray(x.astype(DTYPES[sample.type]))
    return stored.view(np.uint8).reshape(len(x), sample.size)
