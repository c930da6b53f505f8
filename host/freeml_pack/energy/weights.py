"""Encoded weights, read back from a blob."""

from __future__ import annotations

from math import prod

import numpy as np

from freeml_pack.blob import open_metadata
from freeml_pack.encodings import CHANNEL_BYTES, DIRECTORY_ENTRY, decode_block
from freeml_pack.graph import Encoding
from freeml_pack.inspection.network import NetworkOp


def stored_weight(blob: bytes, index: int, op: NetworkOp) -> np.ndarray | None:
    """int8 [out, height, width, in] of operator `index` of a blob that the core has accepted; None where it has no weights, or
    has them as they are (DENSE_8)."""
    if op.kind != "CONV_2D" or op.encoding == Encoding.DENSE_8 or op.window is None:
        return None
    begin, end = op.window.channels
    out, tile_channels, shape = op.space[2], op.plan.tile[2], (*op.window.kernel, end - begin)
    model = open_metadata(blob)
    start = model.Sections(0).Offset() + model.Ops(index).Params()
    params = blob[start : start + op.constant_bytes]
    widths = [min(tile_channels, out - first) for first in range(0, out, tile_channels)]
    ends = np.frombuffer(params, "<u4", len(widths)).tolist()
    begins = [DIRECTORY_ENTRY * len(widths), *ends[:-1]]
    blocks = [
        decode_block(params[first + CHANNEL_BYTES * 4 * -(-width // 4) : last], op.encoding, width, prod(shape))
        for first, last, width in zip(begins, ends, widths, strict=True)
    ]
    return np.concatenate(blocks).reshape(out, *shape)
