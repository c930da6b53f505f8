"""Encoded weights, read back from a blob."""

from __future__ import annotations

from math import prod

import numpy as np

from freeml_pack.blob import open_metadata
from freeml_pack.encodings import decode_params
from freeml_pack.graph import Encoding
from freeml_pack.inspection.network import NetworkOp


def stored_weight(blob: bytes, index: int, op: NetworkOp) -> np.ndarray | None:
    """int8 [out, height, width, in] of operator `index` of a blob that the core has accepted; None where it has no weights, or
    has them as they are (DENSE_8)."""
    if op.kind != "CONV_2D" or op.encoding == Encoding.DENSE_8 or op.window is None:
        return None
    begin, end = op.window.channels
    out, shape = op.space[2], (*op.window.kernel, end - begin)
    model = open_metadata(blob)
    start = model.Sections(0).Offset() + model.Ops(index).Params()
    params = blob[start : start + op.constant_bytes]
    return decode_params(params, op.encoding, out, prod(shape), op.plan.tile[2]).reshape(out, *shape)
