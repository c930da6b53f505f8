"""Weights of a CONV_2D as the blob stores them (SPEC.md, "Encodings of weights"): exact sizes, bytes, and back.

Weights are int8 [out, ...]; the axes behind the first are the taps, in the order of the kernel's loop. groups == 1 for all but
DENSE_8."""

from __future__ import annotations

from math import ceil

import numpy as np

from freeml_pack.graph import Encoding

CHANNEL_BYTES = 7  # bias, multiplier, shift of an output channel
CODES = 16
DIRECTORY_ENTRY = 4
_COUNT = 2
_MOST_ENTRIES = 0xFFFF  # of a list
_ENTRY_BYTES = {Encoding.SPARSE_8: 2, Encoding.SPARSE_4: 1, Encoding.BLOCK_SPARSE_8: 5, Encoding.BLOCK_SPARSE_4: 3}
CODED = (Encoding.DENSE_4, Encoding.SPARSE_4, Encoding.BLOCK_SPARSE_4)
_DENSE_BYTES = {Encoding.DENSE_8: 4, Encoding.DENSE_4: 2, Encoding.OFFSET_8: 4}  # of a tap of four channels
_OFFSET = 128
_IN_FOURS = (Encoding.BLOCK_SPARSE_8, Encoding.BLOCK_SPARSE_4)


def is_sparse(encoding: Encoding) -> bool:
    """Whether zeros are left out."""
    return encoding in _ENTRY_BYTES


def list_channels(encoding: Encoding) -> int:
    """Output channels that share a list of entries in a sparse encoding."""
    return 4 if encoding in _IN_FOURS else 1


def can_encode(weight: np.ndarray, encoding: Encoding) -> bool:
    """Whether the encoding has a place for each of these weights: codes for their values, counts for their entries."""
    if encoding in CODED and codebook_of(weight, encoding) is None:
        return False
    return not is_sparse(encoding) or int(entry_counts(weight, encoding).max()) <= _MOST_ENTRIES


def codebook_of(weight: np.ndarray, encoding: Encoding) -> np.ndarray | None:
    """int8 [16]: the values of the weights, ascending but for 0, which is the first where it is needed. None: they are more."""
    values = np.unique(weight).astype(np.int8)
    if is_sparse(encoding) or 0 in values:  # entries that bridge long gaps are zeros, too
        values = np.concatenate([np.zeros(1, np.int8), values[values != 0]])
    return None if len(values) > CODES else np.pad(values, (0, CODES - len(values)))


def entry_counts(weight: np.ndarray, encoding: Encoding) -> np.ndarray:
    """int64 [lists]: entries that a sparse encoding needs for each output channel, or for each four; [0] for a dense one."""
    if not is_sparse(encoding):
        return np.zeros(0, np.int64)
    rows, _, distance = _kept(weight, encoding)
    lists = ceil(len(weight) / list_channels(encoding))
    return np.bincount(rows, 1 + _bridges(distance, encoding), lists).astype(np.int64)


def products(out: int, taps: int, encoding: Encoding, counts: np.ndarray) -> np.ndarray:
    """int64 [out]: multiply-accumulates that each output channel takes for one pixel. counts: of `entry_counts`."""
    if not is_sparse(encoding):
        return np.full(out, taps, np.int64)
    return np.repeat(counts, 4)[:out] if encoding in _IN_FOURS else counts


def block_sizes(out: int, taps: int, encoding: Encoding, counts: np.ndarray, tile_channels: int) -> np.ndarray:
    """int64 [blocks]: bytes of each block of tile_channels output channels, its channels' constants included, groups == 1.
    counts: of `entry_counts`."""
    begins = np.arange(0, out, tile_channels)
    channels = np.minimum(begins + tile_channels, out) - begins
    fours = -(-channels // 4)
    sizes = CHANNEL_BYTES * 4 * fours + CODES * (encoding in CODED)
    if not is_sparse(encoding):
        return np.asarray(sizes + _DENSE_BYTES[encoding] * taps * fours)
    lists, step = (fours, ceil(tile_channels / 4)) if encoding in _IN_FOURS else (channels, tile_channels)
    entries = np.add.reduceat(counts, np.arange(0, len(counts), step))
    return np.asarray(sizes + _COUNT * lists + _ENTRY_BYTES[encoding] * entries)


def encoded_size(weight: np.ndarray, encoding: Encoding, tile_channels: int) -> int:
    """Bytes of an operator's constants, exactly: blocks of tile_channels output channels, with biases, multipliers, shifts and
    the directory. weight: int8 [out, ...], which `can_encode`; groups == 1."""
    sizes = block_sizes(len(weight), weight[0].size, encoding, entry_counts(weight, encoding), tile_channels)
    return int(sizes.sum()) + (0 if encoding == Encoding.DENSE_8 else DIRECTORY_ENTRY * len(sizes))


def directory(sizes: list[int]) -> bytes:
    """In front of blocks of these sizes."""
    return (DIRECTORY_ENTRY * len(sizes) + np.cumsum(sizes)).astype("<u4").tobytes()


def encode_block(weight: np.ndarray, encoding: Encoding, codebook: np.ndarray | None) -> bytes:
    """What follows the channels' constants in a block. weight: int8 [channels of the block, ...]; codebook: of the operator,
    for the encodings that have one."""
    head = b"" if codebook is None else codebook.astype("i1").tobytes()
    if not is_sparse(encoding):
        fours = _fours(weight)  # [fours, taps, 4]
        if encoding == Encoding.OFFSET_8:
            return _with_offset(fours)
        return head + (fours.tobytes() if codebook is None else _codes(fours, codebook).tobytes())
    counts = entry_counts(weight, encoding)
    return head + counts.astype("<u2").tobytes() + _entries(weight, encoding, codebook).tobytes()


def decode_block(data: bytes, encoding: Encoding, channels: int, taps: int) -> np.ndarray:
    """int8 [channels, taps]: the inverse of encode_block, of bytes that the core has accepted."""
    stored = np.frombuffer(data, np.uint8)
    codebook = None
    if encoding in CODED:
        codebook, stored = stored[:CODES].view(np.int8), stored[CODES:]
    fours = ceil(channels / 4)
    if not is_sparse(encoding):
        if encoding == Encoding.OFFSET_8:
            return _channels(_without_offset(stored, fours, taps), channels)
        weights = stored.view(np.int8) if codebook is None else codebook[_nibbles(stored)]
        return _channels(weights.reshape(fours, taps, 4), channels)
    lists, width = (fours, 4) if encoding in _IN_FOURS else (channels, 1)
    counts = stored[: _COUNT * lists].view("<u2").astype(np.int64)
    entries = stored[_COUNT * lists :].reshape(-1, _ENTRY_BYTES[encoding])
    distance: np.ndarray = entries[:, 0].astype(np.int64)
    rest: np.ndarray = entries[:, 1:]
    if encoding == Encoding.SPARSE_4:
        distance, rest = distance & 15, entries >> 4
    elif codebook is not None:
        rest = _nibbles(rest)
    values = rest.view(np.int8) if codebook is None else codebook[rest]
    rows = np.repeat(np.arange(lists), counts)
    reached = np.cumsum(distance)
    before = np.concatenate([[0], reached])[np.cumsum(counts) - counts]  # by the lists before
    weights = np.zeros((lists, taps, width), np.int8)
    np.add.at(weights, (rows, reached - np.repeat(before, counts)), values)
    return _channels(weights, channels)


def decode_params(params: bytes, encoding: Encoding, out: int, taps: int, tile_channels: int) -> np.ndarray:
    """int8 [out, taps]: the weights among an operator's constants, which the core has accepted; groups == 1."""
    begins = range(0, out, tile_channels)
    if encoding == Encoding.DENSE_8:
        front, ends = 0, np.cumsum(block_sizes(out, taps, encoding, np.zeros(0, np.int64), tile_channels))
    else:
        front = DIRECTORY_ENTRY * len(begins)
        ends = np.frombuffer(params[:front], "<u4").astype(np.int64)
    blocks = []
    for begin, block, end in zip(begins, [front, *ends[:-1].tolist()], ends.tolist(), strict=True):
        channels = min(tile_channels, out - begin)
        constants = CHANNEL_BYTES * 4 * ceil(channels / 4)
        blocks.append(decode_block(params[block + constants : end], encoding, channels, taps))
    return np.concatenate(blocks)


def harmless_params(size: int, encoding: Encoding, out: int, taps: int, tile_channels: int) -> bytes | None:
    """Constants of an operator of this size that the core accepts, as some others were: all shifts are 1, entries lie
    at tap 0. None where no accepted ones have this size."""
    begins = np.arange(0, out, tile_channels)
    channels = np.minimum(begins + tile_channels, out) - begins
    fours = -(-channels // 4)
    lists = np.zeros_like(channels) if not is_sparse(encoding) else fours if encoding in _IN_FOURS else channels
    entry = _ENTRY_BYTES.get(encoding, 1)
    codes = _DENSE_BYTES.get(encoding, 0) * taps * fours
    least = DIRECTORY_ENTRY * len(begins) + int(
        (CHANNEL_BYTES * 4 * fours + CODES * (encoding in CODED) + _COUNT * lists + codes).sum()
    )
    entries, rest = divmod(size - least, entry)
    if rest != 0 or not 0 <= entries <= _MOST_ENTRIES * int(lists.sum()):
        return None
    blocks = []
    for n, list_count, code_bytes in zip((4 * fours).tolist(), lists.tolist(), codes.tolist(), strict=True):
        counts = np.clip(entries - _MOST_ENTRIES * np.arange(list_count), 0, _MOST_ENTRIES)
        entries -= int(counts.sum())
        head = b"\0" * (6 * n) + b"\1" * n + b"\0" * (CODES * (encoding in CODED))
        blocks.append(head + counts.astype("<u2").tobytes() + b"\0" * (entry * int(counts.sum()) + code_bytes))
    return directory([len(block) for block in blocks]) + b"".join(blocks)


def _kept(weight: np.ndarray, encoding: Encoding) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(list, tap, distance to the list's tap before or to tap 0) of each kept weight, or four of them."""
    if encoding in _IN_FOURS:
        rows, taps = np.nonzero(_fours(weight).any(axis=2))
    else:
        rows, taps = np.nonzero(weight.reshape(len(weight), -1))
    first = np.diff(rows, prepend=-1) != 0
    return rows, taps, np.where(first, taps, np.diff(taps, prepend=0))


def _reach(encoding: Encoding) -> int:
    """The longest distance that an entry holds."""
    return 15 if encoding == Encoding.SPARSE_4 else 255


def _bridges(distance: np.ndarray, encoding: Encoding) -> np.ndarray:
    """Entries of weight 0 that it takes to come within reach."""
    return np.maximum(distance - 1, 0) // _reach(encoding)


def _entries(weight: np.ndarray, encoding: Encoding, codebook: np.ndarray | None) -> np.ndarray:
    """uint8 [entries, bytes of one]"""
    rows, taps, distance = _kept(weight, encoding)
    bridges = _bridges(distance, encoding)
    last = np.cumsum(bridges + 1) - 1  # place of each kept one, behind its bridges
    in_fours = encoding in _IN_FOURS
    kept = _fours(weight)[rows, taps] if in_fours else weight.reshape(len(weight), -1)[rows, taps][:, None]
    distances = np.full(len(rows) + int(bridges.sum()), _reach(encoding), np.uint8)
    distances[last] = distance - bridges * _reach(encoding)
    values = np.zeros((len(distances), kept.shape[1]), np.int8)
    values[last] = kept
    if codebook is None:
        return np.concatenate([distances[:, None], values.view(np.uint8)], axis=1)
    if in_fours:
        return np.concatenate([distances[:, None], _codes(values, codebook)], axis=1)
    return distances[:, None] | _code(values, codebook) << 4


def _fours(weight: np.ndarray) -> np.ndarray:
    """int8 [fours, taps, 4]: channels in fours, zeros for those that are missing."""
    flat = weight.reshape(len(weight), -1)
    flat = np.pad(flat, ((0, -len(flat) % 4), (0, 0)))
    return np.ascontiguousarray(flat.reshape(-1, 4, flat.shape[1]).transpose(0, 2, 1))


def _with_offset(fours: np.ndarray) -> bytes:
    """OFFSET_8 of int8 [fours, taps, 4]."""
    stored = (fours.astype(np.int16) + _OFFSET).astype(np.uint8)
    whole = fours.shape[1] // 4 * 4  # taps that are stored in fours
    quads = stored[:, :whole].reshape(len(fours), whole // 4, 4, 4).swapaxes(2, 3)
    return np.concatenate([quads.reshape(len(fours), -1), stored[:, whole:].reshape(len(fours), -1)], axis=1).tobytes()


def _without_offset(stored: np.ndarray, fours: int, taps: int) -> np.ndarray:
    """int8 [fours, taps, 4] of the bytes of OFFSET_8."""
    rows, whole = stored.reshape(fours, 4 * taps), taps // 4 * 4
    quads = rows[:, : 4 * whole].reshape(fours, whole // 4, 4, 4).swapaxes(2, 3).reshape(fours, whole, 4)
    weights = np.concatenate([quads, rows[:, 4 * whole :].reshape(fours, taps - whole, 4)], axis=1)
    return (weights.astype(np.int16) - _OFFSET).astype(np.int8)


def _channels(fours: np.ndarray, channels: int) -> np.ndarray:
    """[channels, taps] of [lists, taps, channels of a list]."""
    return np.ascontiguousarray(fours.transpose(0, 2, 1)).reshape(-1, fours.shape[1])[:channels]


def _code(values: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """uint8: place of each value in the codebook; 0 for the zeros of missing channels."""
    places = np.zeros(256, np.uint8)
    for place in reversed(range(CODES)):
        places[int(codebook[place]) + 128] = place
    return places[values.astype(np.int64) + 128]


def _codes(values: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """uint8 [..., 2] of int8 [..., 4]: two codes in a byte, the first one low."""
    codes = _code(values, codebook)
    return codes[..., 0::2] | codes[..., 1::2] << 4


def _nibbles(stored: np.ndarray) -> np.ndarray:
    """uint8 [..., 2 n] of uint8 [..., n]: the low one first."""
    return np.stack([stored & 15, stored >> 4], axis=-1).reshape(*stored.shape[:-1], 2 * stored.shape[-1])
