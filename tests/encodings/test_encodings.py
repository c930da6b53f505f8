"""Encodings of weights: the bytes of SPEC.md, sizes that are true, and back."""

from __future__ import annotations

import numpy as np
import pytest
from freeml_pack.encodings import (
    CHANNEL_BYTES,
    CODED,
    block_sizes,
    can_encode,
    codebook_of,
    decode_block,
    encode_block,
    encoded_size,
    entry_counts,
    products,
)
from freeml_pack.graph import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

TWO = np.array([[0, 5, 0, -3], [7, 0, 0, 0]], np.int8)  # two channels of four taps
CODEBOOK = bytes([0, 0xFD, 5, 7] + [0] * 12)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        (Encoding.DENSE_8, "00070000 05000000 00000000 fd000000"),
        (Encoding.DENSE_4, CODEBOOK.hex() + "3000 0200 0000 0100"),
        (Encoding.SPARSE_8, "0200 0100" + "0105 02fd" + "0007"),
        (Encoding.SPARSE_4, CODEBOOK.hex() + "0200 0100" + "21 12" + "30"),
        (Encoding.BLOCK_SPARSE_8, "0300" + "00 00070000" + "01 05000000" + "02 fd000000"),
        (Encoding.BLOCK_SPARSE_4, CODEBOOK.hex() + "0300" + "00 3000" + "01 0200" + "02 0100"),
        (Encoding.OFFSET_8, "8085807d 87808080 80808080 80808080"),
    ],
)
def test_bytes(encoding: Encoding, expected: str) -> None:
    codebook = codebook_of(TWO, encoding) if encoding in CODED else None
    data = encode_block(TWO, encoding, codebook)
    assert data.hex() == expected.replace(" ", "")
    np.testing.assert_array_equal(decode_block(data, encoding, 2, 4), TWO)


def test_offset_of_taps_that_are_left_of_fours() -> None:
    """Four taps of each channel side by side, then, as in DENSE_8, four channels of each tap."""
    weight = np.arange(-6, 6, dtype=np.int8).reshape(2, 6)
    data = encode_block(weight, Encoding.OFFSET_8, None)
    assert data.hex(" ", 4) == "7a7b7c7d 80818283 80808080 80808080 7e848080 7f858080"


@pytest.mark.parametrize(
    ("encoding", "tap", "entries"),
    [
        (Encoding.SPARSE_8, 255, "ff09"),
        (Encoding.SPARSE_8, 256, "ff00 0109"),
        (Encoding.SPARSE_8, 511, "ff00 ff00 0109"),
        (Encoding.SPARSE_4, 15, "1f"),
        (Encoding.SPARSE_4, 31, "0f 0f 11"),
        (Encoding.BLOCK_SPARSE_8, 256, "ff00000000 0109000000"),
        (Encoding.BLOCK_SPARSE_4, 511, "ff0000 ff0000 010100"),
    ],
)
def test_long_gaps(encoding: Encoding, tap: int, entries: str) -> None:
    weight = np.zeros((1, 600), np.int8)
    weight[0, tap] = 9
    data = encode_block(weight, encoding, codebook_of(weight, encoding) if encoding in CODED else None)
    expected = bytes.fromhex(entries)
    assert data.endswith(expected)
    count = int.from_bytes(data[-len(expected) - 2 : -len(expected)], "little")
    assert count == len(entries.split()) == entry_counts(weight, encoding).item()


@st.composite
def weights(draw: st.DrawFn) -> np.ndarray:
    """int8 [out, taps]: of any density, of few values or many."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 13)), draw(st.integers(1, 600)))
    values = rng.integers(-127, 128, draw(st.sampled_from([1, 2, 15, 16, 17, 255])))
    keep = rng.random(shape) < draw(st.sampled_from([0.0, 0.003, 0.1, 0.5, 1.0]))
    return np.where(keep, rng.choice(values, shape), 0).astype(np.int8)


@settings(max_examples=300, deadline=None)
@given(weights(), st.sampled_from(Encoding), st.integers(1, 4))
def test_round_trip_and_sizes(weight: np.ndarray, encoding: Encoding, fours: int) -> None:
    if not can_encode(weight, encoding):
        assert len(np.unique(weight)) >= 16
        return
    codebook = codebook_of(weight, encoding) if encoding in CODED else None
    counts = entry_counts(weight, encoding)
    sizes = block_sizes(*weight.shape, encoding, counts, 4 * fours)
    blocks = [weight[begin : begin + 4 * fours] for begin in range(0, len(weight), 4 * fours)]
    assert len(sizes) == len(blocks)
    kept = []
    for block, size in zip(blocks, sizes, strict=True):
        data = encode_block(block, encoding, codebook)
        assert size == len(data) + CHANNEL_BYTES * 4 * -(-len(block) // 4)
        np.testing.assert_array_equal(decode_block(data, encoding, len(block), block.shape[1]), block)
        kept.append(products(*block.shape, encoding, entry_counts(block, encoding)))
    np.testing.assert_array_equal(products(*weight.shape, encoding, counts), np.concatenate(kept))
    front = 0 if encoding == Encoding.DENSE_8 else 4 * len(sizes)
    assert encoded_size(weight, encoding, 4 * fours) == front + sizes.sum()
