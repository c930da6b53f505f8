"""Damaged blobs: what is wrong is said exactly."""

from __future__ import annotations

import struct

import graphs
import numpy as np
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine, EngineError
from freeml_pack.graph import Conv2d, Encoding, Window
from freeml_pack.inspection.blob import BlobFacts, looks_like_blob, read_blob
from freeml_pack.inspection.network import read_network
from hypothesis import given, settings
from hypothesis import strategies as st
from inspection.images import BLOB, op_position, resealed

METADATA = struct.unpack_from("<I", BLOB, 8)[0]


def inspected(blob: bytes) -> BlobFacts:
    """Whatever is said, it agrees with the core."""
    assert looks_like_blob(blob)
    facts = read_blob(blob)
    refusal = None
    try:
        Engine(blob)
    except EngineError as error:
        refusal = error.text
    if refusal is not None:
        assert facts.engine == refusal
        assert facts.faults
    else:
        assert (facts.engine, facts.faults) == ("ok", ())
        assert [section.state for section in facts.sections] == ["good", "good"]
        assert facts.network is not None
    return facts


def flipped(at: int, bit: int = 1) -> bytes:
    blob = bytearray(BLOB)
    blob[at] ^= bit
    return bytes(blob)


def states(facts: BlobFacts) -> list[str]:
    return [section.state for section in facts.sections]


def test_good() -> None:
    facts = inspected(BLOB)
    assert (facts.scratch_size, facts.streamed_scratch_size) == (
        Engine(BLOB).scratch_size,
        Engine(BLOB, streamed=True).scratch_size,
    )


def test_damaged_weights() -> None:
    facts = inspected(flipped(len(BLOB) - 3))
    assert states(facts) == ["good", "damaged"]
    assert len(facts.faults) == 1
    assert f"the weights (bytes {METADATA:,} to {len(BLOB) - 1:,}) are damaged: their CRC-32 is" in facts.faults[0]
    assert facts.network is not None
    assert facts.network.ops == read_network(BLOB).ops


def test_damaged_metadata() -> None:
    facts = inspected(flipped(METADATA // 2))
    assert states(facts) == ["damaged", "unknown"]
    assert facts.faults[0].startswith(f"the metadata (bytes 0 to {METADATA - 1:,}) are damaged: their CRC-32 is")
    assert facts.network is None


def test_damaged_identifier() -> None:
    assert "begins with b'FML0' where a blob has b'FML1'" in inspected(flipped(7)).faults[0]


@pytest.mark.parametrize("missing", [1, 100, len(BLOB) - METADATA])
def test_truncated_weights(missing: int) -> None:
    facts = inspected(BLOB[:-missing])
    assert f"the file has {len(BLOB) - missing:,}: the last {missing:,} are missing" in facts.faults[0]
    assert states(facts) == ["good", "cut off"]
    assert facts.network is not None


@pytest.mark.parametrize("size", [20, 21, 300, METADATA - 1])
def test_truncated_metadata(size: int) -> None:
    facts = inspected(BLOB[:size])
    assert f"the last {len(BLOB) - size:,} are missing" in facts.faults[0]
    assert states(facts) == ["cut off", "unknown"]


@pytest.mark.parametrize("size", [8, 19])
def test_truncated_header(size: int) -> None:
    assert inspected(BLOB[:size]).faults == (f"the file ends after {size} bytes, inside the header of 20; copy it again",)


def test_too_long() -> None:
    facts = inspected(BLOB + b"xy")
    assert "2 too many stand at the end" in facts.faults[0]
    assert states(facts) == ["good", "good"]


@pytest.mark.parametrize("op", [0, 3, 15])
@pytest.mark.parametrize(
    ("offset", "value", "text"), [(0, 77, "unknown kind 77"), (6, 0xFE, "output 65278"), (10, 0, "tile 0x")]
)
def test_refused_operators(op: int, offset: int, value: int, text: str) -> None:
    """Right checksums, wrong numbers: the operator is named, with its numbers."""
    blob = bytearray(BLOB)
    struct.pack_into("<H" if offset else "<B", blob, op_position(op) + offset, value if offset != 6 else value | 0xFE00)
    fault = inspected(resealed(blob)).faults[0]
    assert f"the core refuses operator {op}: malformed blob (operator); it is " in fault
    assert text in fault


def test_broken_commit_rule() -> None:
    """Without the commit after operator 11, operator 12 writes over what operators before it had to read."""
    blob = bytearray(BLOB)
    for op in range(16):
        blob[op_position(op) + 1] &= ~1  # COMMIT_LAST
        struct.pack_into("<H", blob, op_position(op) + 16, 0)  # commit_every
    fault = inspected(resealed(blob)).faults[0]
    assert "breaks the commit rule" in fault
    assert "the core refuses operator " in fault


def test_refused_constants() -> None:
    """A shift of 255 in the operator's constants, all checksums right."""
    blob = bytearray(BLOB)
    blob[METADATA + 6] = 255  # of QUANTIZE: m int16, o int32, s uint8
    assert inspected(resealed(blob)).faults == (
        "the checksums are right, but the core refuses operator 0: malformed blob (constants); pack the model again",
    )


def test_another_version() -> None:
    from freeml_pack.blob import open_metadata

    model = open_metadata(BLOB)
    blob = bytearray(BLOB)
    struct.pack_into("<H", blob, model._tab.Pos + model._tab.Offset(4), 9)
    assert inspected(resealed(blob)).faults[0].startswith("it is of format version 9, this FreeML reads 1;")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(BLOB) - 1), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
def test_any_bytes(changes: list[tuple[int, int]], seal: bool) -> None:
    """Never an exception. With checksums set right, the changes reach what lies behind them."""
    blob = bytearray(BLOB)
    for at, value in changes:
        if not seal or at not in range(8, 20):
            blob[at] = value
    data = resealed(bytes(blob)) if seal else bytes(blob)
    if looks_like_blob(data):
        inspected(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes(tail: bytes) -> None:
    inspected(b"\x20\0\0\0FML1" + tail)


ENCODED_GRAPH = graphs.encoded()
ENCODED = write_blob(ENCODED_GRAPH, graphs.tight_plan(ENCODED_GRAPH, np.random.default_rng(3)))


def test_encodings_and_densities() -> None:
    facts = inspected(ENCODED)
    assert facts.network is not None
    for op, density, original in zip(facts.network.ops, facts.densities, ENCODED_GRAPH.ops, strict=True):
        if isinstance(original, Conv2d):
            assert original.q is not None
            assert op.encoding == original.encoding
            assert density == np.count_nonzero(original.q.weight) / np.size(original.q.weight)
        else:
            assert (op.encoding, density) == (Encoding.DENSE_8, None)


@pytest.mark.parametrize("encoding", Encoding)
def test_densities_of_sums_in_parts(encoding: Encoding) -> None:
    b = graphs.Builder(np.random.default_rng(4))
    x = b.quantize((8, 5, 4))
    sums = b.conv(x, 6, Window((3, 3)), channels=(0, 3), sums_out=True, encoding=encoding)
    graph = b.finish(b.conv(x, 6, Window((3, 3)), channels=(3, 8), sums=sums, encoding=encoding))
    blob = write_blob(graph, graphs.tight_plan(graph, np.random.default_rng(3)))
    weights = [op.q.weight for op in graph.ops if op.q is not None and op.q.weight is not None]
    assert inspected(blob).densities == (None, *(np.count_nonzero(w) / w.size for w in weights))
    facts = inspected(blob[:-1])
    assert facts.network is not None


def test_damaged_encoded_weights() -> None:
    """The weights say where they lie, and cannot be relied on: what the metadata says is shown all the same."""
    blob = bytearray(ENCODED)
    blob[-3] ^= 1
    facts = inspected(bytes(blob))
    assert states(facts) == ["good", "damaged"]
    assert len(facts.faults) == 1
    assert facts.network is not None
    assert facts.network.ops == read_network(ENCODED).ops
    assert facts.densities == ()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(20, len(ENCODED) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_any_encoded_bytes(changes: list[tuple[int, int]]) -> None:
    blob = bytearray(ENCODED)
    for at, value in changes:
        blob[at] = value
    inspected(resealed(bytes(blob), ENCODED))
