"""The weights in a blob: how they are stored, how many of them are there."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from freeml_schema import model as fbs

from freeml_pack.blob import open_metadata
from freeml_pack.encodings import decode_params, entry_counts, harmless_params, is_sparse
from freeml_pack.graph import Encoding

# by reading a table out of its bounds, and by counting with what was read there
UNREADABLE = (struct.error, IndexError, ValueError, TypeError, OverflowError, ZeroDivisionError, AttributeError)


def densities(blob: bytes) -> tuple[float | None, ...]:
    """Of each operator of a blob that the core has accepted: the share of its weights that are not 0; None where it is no
    CONV_2D with groups == 1."""
    model = open_metadata(blob)
    weights = model.Sections(0).Offset()
    result: list[float | None] = []
    for row in _rows(model):
        shape = _shape(model, row)
        if shape is None:
            result.append(None)
            continue
        params = blob[weights + row.Params() : weights + row.Params() + row.ParamsSize()]
        decoded = decode_params(params, Encoding(row.Encoding()), *shape)
        result.append(float(np.count_nonzero(decoded) / decoded.size))
    return tuple(result)


def entries(blob: bytes) -> tuple[tuple[np.ndarray, ...], ...]:
    """Of each operator of a blob that the core has accepted: how many entries the lists of each block have, int64 [lists]; ()
    where it has no lists."""
    model = open_metadata(blob)
    weights = model.Sections(0).Offset()
    result = []
    for row in _rows(model):
        shape, encoding = _shape(model, row), Encoding(row.Encoding())
        blocks: tuple[np.ndarray, ...] = ()
        if shape is not None and is_sparse(encoding):
            params = blob[weights + row.Params() : weights + row.Params() + row.ParamsSize()]
            decoded = decode_params(params, encoding, *shape)
            tile = shape[2]
            blocks = tuple(entry_counts(decoded[at : at + tile], encoding) for at in range(0, len(decoded), tile))
        result.append(blocks)
    return tuple(result)


def harmless_weights(metadata: bytes, size: int) -> bytes:
    """A WEIGHTS section of `size` bytes that nobody can object to, but for the metadata's faults; these may be any."""
    section = bytearray(b"\x01" * size)  # every shift is 1
    try:
        model = open_metadata(metadata)
        for row in _rows(model):
            _make_harmless(section, model, row)
    except UNREADABLE:
        pass
    return bytes(section)


def _make_harmless(section: bytearray, model: Any, row: Any) -> None:
    """The constants of an operator whose weights are encoded. One of UNREADABLE where the metadata makes no sense."""
    shape, begin, size = _shape(model, row), row.Params(), row.ParamsSize()
    if shape is not None and row.Encoding() != Encoding.DENSE_8 and begin + size <= len(section):
        params = harmless_params(size, Encoding(row.Encoding()), *shape)
        if params is not None:
            section[begin : begin + size] = params


def _rows(model: Any) -> list[Any]:
    return [model.Ops(index) for index in range(model.OpsLength())]


def _shape(model: Any, row: Any) -> tuple[int, int, int] | None:
    """Output channels, taps, channels of a tile; None where it is no CONV_2D with groups == 1."""
    if row.Kind() != fbs.OpKind.CONV_2D:
        return None
    window = model.Windows(row.Attribute())
    if window.Groups() != 1:
        return None
    taps = window.KernelHeight() * window.KernelWidth() * window.Channels()
    out = model.Tensors(row.Output()).Channels() // (4 if row.Flags() & fbs.OpFlag.SUMS_OUT else 1)
    return out, taps, min(row.TileChannels(), out)
