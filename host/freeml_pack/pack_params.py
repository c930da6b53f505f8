"""Constants of an int8 operator as the blob stores them (SPEC.md, "Operators")."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from freeml_pack.encodings import CODED, codebook_of, directory, encode_block
from freeml_pack.graph import Add, AveragePool2d, Conv2d, DepthwiseConv2d, Encoding, Multiply, Op, OpQuant, Quantize, Requant

T = TypeVar("T")

_SCALE = np.dtype([("multiplier", "<u2"), ("shift", "u1")])
_ADD = np.dtype([("multiplier1", "<i2"), ("multiplier2", "<i2"), ("shift", "u1")])
_QUANTIZE = np.dtype([("multiplier", "<i2"), ("offset", "<i4"), ("shift", "u1")])


def pack_params(op: Op, tile_channels: int) -> bytes:
    """The operator's params. op.q is set; tile_channels: channels of a tile, which cut the constants of convolutions in blocks.

    ValueError where the graph's numbers do not fit their fields: quantization has gone wrong.
    """
    q = op.q
    if q is None:
        raise ValueError(f"{op.name} is not quantized")
    match op:
        case Conv2d():
            return _pack_conv(op, q, tile_channels)
        case DepthwiseConv2d():
            return _pack_depthwise(q, tile_channels)
        case Quantize():
            return _records(_QUANTIZE, *np.asarray(_set(q.quantize)).reshape(-1, 3).T)
        case Add():
            return _records(_ADD, *np.asarray(_set(q.add)).reshape(3, 1))
        case Multiply() | AveragePool2d():
            requant = _set(q.requant)
            return _records(_SCALE, requant.multiplier, requant.shift)
        case _:
            return b""


def _set(value: T | None) -> T:
    if value is None:
        raise ValueError("an operator lacks its integer constants")
    return value


def _cast(values: np.ndarray, dtype: str | np.dtype) -> np.ndarray:
    """Values as another integer type, exactly."""
    values = np.asarray(values)
    result = values.astype(dtype)
    if not np.array_equal(result, values):
        raise ValueError(f"a constant does not fit {np.dtype(dtype).name}")
    return result


def _records(dtype: np.dtype, *columns: np.ndarray) -> bytes:
    assert dtype.names is not None
    result = np.empty(len(np.atleast_1d(columns[0])), dtype)
    for name, column in zip(dtype.names, columns, strict=True):
        result[name] = _cast(np.atleast_1d(column), dtype[name])
    return result.tobytes()


def _channel_constants(q: OpQuant) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """weight int8 [out, ...], bias, multiplier, shift, each [out]."""
    weight, requant = _set(q.weight), _set(q.requant)
    out = (len(weight),)
    multiplier, shift = (np.broadcast_to(array, out) for array in (requant.multiplier, requant.shift))
    return _cast(weight, "i1"), _cast(_set(q.bias), "<i4"), _cast(multiplier, "<u2"), _cast(shift, "u1")


def _pack_conv(op: Conv2d, q: OpQuant, tile_channels: int) -> bytes:
    weight, *constants = _channel_constants(q)
    unit = tile_channels if op.groups == 1 else len(weight) // op.groups
    codebook = codebook_of(weight, op.encoding) if op.encoding in CODED else None
    blocks = []
    for begin in range(0, len(weight), unit):
        part = slice(begin, begin + unit)
        padding = -len(weight[part]) % 4
        padded = (
            np.pad(values[part], (0, padding), constant_values=fill) for values, fill in zip(constants, (0, 0, 1), strict=True)
        )
        blocks.append(b"".join(values.tobytes() for values in padded) + encode_block(weight[part], op.encoding, codebook))
    front = b"" if op.encoding == Encoding.DENSE_8 else directory([len(block) for block in blocks])
    return front + b"".join(blocks)


def _pack_depthwise(q: OpQuant, tile_channels: int) -> bytes:
    weight, *constants = _channel_constants(q)
    parts = []
    for begin in range(0, len(weight), tile_channels):
        block = slice(begin, begin + tile_channels)
        parts += [values[block].tobytes() for values in (*constants, weight)]
    return b"".join(parts)


def left_shift(requant: Requant | None) -> int:
    """Op.left_shift of the schema: 0 for operators without a requantization."""
    return 0 if requant is None else requant.left_shift
