"""Encoded weights, read back from a blob."""

from __future__ import annotations

from typing import Any

import numpy as np
from freeml_schema.model import OpKind

from freeml_pack.blob import open_metadata
from freeml_pack.encodings import CHANNEL_BYTES, DIRECTORY_ENTRY, decode_block
from freeml_pack.graph import Encoding


def stored_weight(blob: bytes, index: int) -> np.ndarray | None:
    """int8 [out, height, width, in] of operator `index` of a blob that the core has accepted; None where it has no weights, or
    has them as they are (DENSE_8)."""
    model = open_metadata(blob)
    row = model.Ops(index)
    if row.Kind() != OpKind.CONV_2D or row.Encoding() == Encoding.DENSE_8:
        return None
    shape = _shape(model, row)
    begin = model.Sections(0).Offset() + row.Params()
    params = blob[begin : begin + row.ParamsSize()]
    widths = [min(row.TileChannels(), shape[0] - first) for first in range(0, shape[0], row.TileChannels())]
    ends = np.frombuffer(params, "<u4", len(widths)).tolist()
    begins = [DIRECTORY_ENTRY * len(widths), *ends[:-1]]
    taps = int(np.prod(shape[1:]))
    blocks = [
        decode_block(params[first + CHANNEL_BYTES * 4 * -(-width // 4) : end], Encoding(row.Encoding()), width, taps)
        for first, end, width in zip(begins, ends, widths, strict=True)
    ]
    return np.concatenate(blocks).reshape(shape)


def _shape(model: Any, row: Any) -> tuple[int, int, int, int]:
    window = model.Windows(row.Attribute())
    out, depth = model.Tensors(row.Output()).Channels(), model.Tensors(row.Input()).Channels()
    return out, window.KernelHeight(), window.KernelWidth(), depth
