"""Blob: what is written opens and runs; what is damaged or malformed is refused."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace

import graphs
import numpy as np
import pytest
from freeml_pack import blob as blob_module
from freeml_pack.blob import open_metadata, section_sizes, write_blob
from freeml_pack.encodings import CODED, entry_counts, is_sparse
from freeml_pack.engine import Engine, EngineError, Session
from freeml_pack.errors import PackError
from freeml_pack.graph import Encoding, Window
from freeml_pack.oracle import run_oracle
from freeml_pack.plan import MemoryPlan
from hypothesis import given, settings
from hypothesis import strategies as st

NOT_A_MODEL, VERSION, TRUNCATED, CHECKSUM, MALFORMED, BAD_TENSOR, BAD_OP, BAD_PARAMS = range(-1, -9, -1)


def status_of(blob: bytes, *, streamed: bool = False) -> int:
    """0 or what opening gives."""
    try:
        Engine(blob, streamed=streamed)
    except EngineError as error:
        return error.status
    return 0


def seal(blob: bytearray) -> bytes:
    """The blob with its metadata checksum set right again."""
    (metadata_size,) = struct.unpack_from("<I", blob, 8)
    struct.pack_into("<I", blob, 16, zlib.crc32(blob[:16] + blob[20:metadata_size]))
    return bytes(blob)


def chain_blob() -> bytes:
    graph = graphs.chain()
    return write_blob(graph, graphs.tight_plan(graph))


GRAPHS = {
    "chain": graphs.chain,
    "every_kind": graphs.every_kind,
    "encoded": graphs.encoded,
    "in_parts": graphs.in_parts,
}


@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS.keys())
def test_round_trip(make) -> None:
    graph = make()
    plan = graphs.roomy_plan(graph)
    blob = write_blob(graph, plan, target="rp2040")
    engine = Engine(blob)
    assert engine.arena_size == plan.arena_size
    assert engine.sample_size == graph.sample.size
    assert engine.output_length == graph.tensors[graph.output].size
    assert engine.op_count == len(graph.ops)
    assert [engine.op_tiles(i) for i in range(engine.op_count)] == [1] * engine.op_count
    assert engine.op_tiles(engine.op_count) == 0
    root = open_metadata(blob)
    assert (root.Name(), root.Target()) == (b"test", b"rp2040")
    assert tuple(root.SampleShapeAsNumpy()) == graph.sample.shape
    assert root.ModelBufferHasIdentifier(blob, 0)
    sizes = section_sizes(blob)
    assert sum(sizes.values()) == len(blob)
    assert engine.nvm_size == 64 + plan.arena_size
    assert zlib.crc32(blob[sizes["header"] + sizes["metadata"] :]) == root.Sections(0).Crc32()


def test_same_graph_same_bytes() -> None:
    assert chain_blob() == chain_blob()


@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS.keys())
def test_answer_does_not_depend_on_plan_or_place(make) -> None:
    graph = make()
    sample = graphs.random_sample(graph)
    rng = np.random.default_rng(5)
    answers = set()
    for plan in (graphs.roomy_plan(graph), graphs.tight_plan(graph), *(graphs.tight_plan(graph, rng) for _ in range(10))):
        blob = write_blob(graph, plan)
        answers |= {Engine(blob, streamed=streamed).run(sample).tobytes() for streamed in (False, True)}
    assert len(answers) == 1
    assert len(set(answers.pop())) > 3  # and it is no constant


@pytest.mark.parametrize("streamed", [False, True])
def test_encoded_weights_decode_to_the_same(streamed: bool) -> None:
    graph = graphs.encoded()
    samples = np.random.default_rng(1).integers(0, 256, (20, graph.sample.size), np.uint8)
    plan = graphs.tight_plan(graph, np.random.default_rng(2))
    assert np.array_equal(Engine(write_blob(graph, plan), streamed=streamed).run_batch(samples), run_oracle(graph, samples))


def encoded_linear(encoding: Encoding) -> tuple[bytes, int]:
    """A blob of a linear layer of 9 outputs and 300 inputs in 3 blocks, and where the layer's constants begin in it."""
    b = graphs.Builder(np.random.default_rng(8))
    graph = b.finish(b.linear(b.quantize((300, 1, 1)), 9, encoding, density=0.05))
    plan = graphs.roomy_plan(graph)
    ops = (plan.ops[0], replace(plan.ops[1], tile=(1, 1, 4)))
    blob = write_blob(graph, replace(plan, ops=ops))
    root = open_metadata(blob)
    return blob, root.Sections(0).Offset() + root.Ops(1).Params()


def resealed(blob: bytearray) -> bytes:
    """The blob with the checksums of its constants and its metadata set right."""
    section = open_metadata(bytes(blob)).Sections(0)
    struct.pack_into("<I", blob, section._tab.Pos + 8, zlib.crc32(blob[section.Offset() :]))
    return seal(blob)


ENCODED = [encoding for encoding in Encoding if encoding != Encoding.DENSE_8]
SPARSE = [encoding for encoding in ENCODED if is_sparse(encoding)]
FRONT = 3 * 4 + 4 * 7  # directory, constants of the first block's channels


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("end", [0, 1, 2])
@pytest.mark.parametrize("change", [-1 << 20, -1, 1, 1 << 20])
def test_malformed_directory(encoding: Encoding, end: int, change: int, streamed: bool) -> None:
    blob, params = encoded_linear(encoding)
    damaged = bytearray(blob)
    (value,) = struct.unpack_from("<I", blob, params + 4 * end)
    struct.pack_into("<I", damaged, params + 4 * end, (value + change) % (1 << 32))
    assert status_of(resealed(bytearray(blob)), streamed=streamed) == 0
    assert status_of(resealed(damaged), streamed=streamed) == BAD_PARAMS


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("encoding", SPARSE)
@pytest.mark.parametrize("change", [-1, 1, 0x8000])
def test_malformed_count(encoding: Encoding, change: int, streamed: bool) -> None:
    blob, params = encoded_linear(encoding)
    damaged = bytearray(blob)
    at = params + FRONT + (16 if encoding in CODED else 0)
    (value,) = struct.unpack_from("<H", blob, at)
    struct.pack_into("<H", damaged, at, (value + change) % (1 << 16))
    assert status_of(resealed(damaged), streamed=streamed) == BAD_PARAMS


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("encoding", SPARSE)
def test_tap_out_of_range(encoding: Encoding, streamed: bool) -> None:
    """The last tap of 300 is one too far as soon as any distance before it is one larger."""
    b = graphs.Builder(np.random.default_rng(8))
    b.linear(b.quantize((300, 1, 1)), 4, encoding)
    weight = np.zeros_like(b.ops[1].q.weight)
    weight[..., [40, 200, 299]] = 51
    b.ops[1] = replace(b.ops[1], q=replace(b.ops[1].q, weight=weight))
    graph = b.finish(b.ops[1].output)
    blob = write_blob(graph, graphs.roomy_plan(graph))
    root = open_metadata(blob)
    params = root.Sections(0).Offset() + root.Ops(1).Params()
    lists = 1 if encoding >= Encoding.BLOCK_SPARSE_8 else 4
    at = params + 4 + 4 * 7 + (16 if encoding in CODED else 0) + 2 * lists
    assert status_of(blob, streamed=streamed) == 0
    for entry in range(entry_counts(weight, encoding)[0]):
        damaged = bytearray(blob)
        place = at + entry * (root.Ops(1).ParamsSize() - (at - params)) // int(entry_counts(weight, encoding).sum())
        damaged[place] = damaged[place] + 1 if damaged[place] % 16 != 15 else damaged[place]
        changed = damaged[place] != blob[place]
        assert status_of(resealed(damaged), streamed=streamed) == (BAD_PARAMS if changed else 0)


@pytest.mark.parametrize("encoding", ENCODED)
def test_shift_out_of_range_behind_a_directory(encoding: Encoding) -> None:
    blob, params = encoded_linear(encoding)
    damaged = bytearray(blob)
    damaged[params + 3 * 4 + 4 * 6] = 32
    assert status_of(resealed(damaged)) == BAD_PARAMS


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ENCODED), st.data(), st.booleans())
def test_no_encoded_nonsense_leaves_its_memory(encoding: Encoding, data: st.DataObject, streamed: bool) -> None:
    """Constants with random bytes replaced and right checksums are refused, or run within their arena."""
    blob, params = encoded_linear(encoding)
    damaged = bytearray(blob)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(params, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        engine = Engine(resealed(damaged), streamed=streamed)
    except EngineError:
        return
    assert engine.run(bytes(engine.sample_size)).size == 9


@pytest.mark.parametrize(("field", "value"), [("Op.encoding", 2), ("Op.params_size", 4)])
def test_another_encoding_than_the_constants_are(field: str, value: int) -> None:
    code = "B" if field == "Op.encoding" else "<I"
    assert patched(field, value, code, 1, make=lambda: encoded_linear(Encoding.BLOCK_SPARSE_8)[0]) == BAD_PARAMS


def test_grouped_convolutions_are_not_encoded() -> None:
    b = graphs.Builder(np.random.default_rng(8))
    graph = b.finish(b.conv(b.quantize((4, 3, 3)), 4, Window((1, 1)), groups=2))
    blob = write_blob(graph, graphs.roomy_plan(graph))
    assert patched("Op.encoding", 1, "B", 1, make=lambda: blob) == BAD_PARAMS


def test_run_batch() -> None:
    engine = Engine(chain_blob())
    samples = np.random.default_rng(0).integers(0, 256, (7, 1, 10, 10)).astype(np.uint8)
    done: list[int] = []
    scores = engine.run_batch(samples, done.append)
    assert done == [1, 2, 3, 4, 5, 6, 7]
    assert np.array_equal(scores, [engine.run(sample.tobytes()) for sample in samples])
    assert engine.run_batch(samples[:0]).shape == (0, 5)


@pytest.mark.parametrize("streamed", [False, True])
def test_every_flipped_byte_is_refused(streamed: bool) -> None:
    blob = chain_blob()
    for position in range(len(blob)):
        damaged = bytearray(blob)
        damaged[position] ^= 1 << position % 8
        assert status_of(bytes(damaged), streamed=streamed) < 0, position


@pytest.mark.parametrize("streamed", [False, True])
def test_every_truncation_is_refused(streamed: bool) -> None:
    blob = chain_blob()
    for size in range(len(blob)):
        assert status_of(blob[:size], streamed=streamed) == TRUNCATED
    assert status_of(blob + b"\0", streamed=streamed) == TRUNCATED


def test_container_statuses() -> None:
    blob = chain_blob()
    assert status_of(b"XXXX" + blob[4:8].replace(b"FML1", b"FML2") + blob[8:]) == NOT_A_MODEL
    newer = bytearray(blob)
    root = open_metadata(blob)
    newer[root._tab.Pos + root._tab.Offset(4)] = 2
    assert status_of(seal(newer)) == VERSION
    lost = bytearray(blob)
    struct.pack_into("<I", lost, 0, len(blob))
    assert status_of(seal(lost)) == MALFORMED
    damaged = bytearray(blob)
    damaged[-1] ^= 1
    assert status_of(bytes(damaged)) == CHECKSUM


def test_too_many_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """3 x 65535 weights per output: their sum could leave int32. The packer says so, and the core does not trust packers."""
    b = graphs.Builder(np.random.default_rng(0))
    graph = b.finish(b.conv(b.quantize((65535, 1, 3)), 1, Window((1, 3))))
    plan = graphs.roomy_plan(graph)
    with pytest.raises(PackError, match="196,605 products"):
        write_blob(graph, plan)
    monkeypatch.setattr(blob_module, "TAPS_MAX", 1 << 20)
    assert status_of(write_blob(graph, plan)) == BAD_PARAMS


@pytest.mark.parametrize("field", ["Window.dilation_height", "Window.dilation_width"])
def test_adaptive_pooling_has_no_dilation(field: str) -> None:
    """The kernel steps by it, whatever sets the window's place and size."""
    assert patched(field, 2, "B", op=1, make=pooled_blob) == BAD_OP


def test_most_products() -> None:
    b = graphs.Builder(np.random.default_rng(0))
    graph = b.finish(b.conv(b.quantize((65535, 1, 2)), 1, Window((1, 2))))
    assert status_of(write_blob(graph, graphs.roomy_plan(graph))) == 0


def pooled_blob() -> bytes:
    b = graphs.Builder(np.random.default_rng(0))
    graph = b.finish(b.adaptive_pool(b.quantize((2, 6, 6)), (2, 3)))
    return write_blob(graph, graphs.roomy_plan(graph))


def patched(field: str, value: int, code: str, op: int, make: Callable[[], bytes] = chain_blob) -> int:
    """Status of a blob (the chain's) with a field of an operator, or of its attribute, tensor or constants, replaced."""
    blob = bytearray(make())
    root = open_metadata(blob)
    row = root.Ops(op)
    owner, name = field.split(".")
    base = {
        "Op": lambda: row,
        "Window": lambda: root.Windows(row.Attribute()),
        "View": lambda: root.Views(row.Attribute()),
        "Input": lambda: root.Tensors(row.Input()),
        "Output": lambda: root.Tensors(row.Output()),
    }[owner]()
    offset = next(
        getattr(layout, constant) for layout, constant in [(LAYOUT, f"{type(base).__name__.upper()}_{name.upper()}_AT")]
    )
    struct.pack_into(code, blob, base._tab.Pos + offset, value)
    return status_of(seal(blob))


class LAYOUT:
    """Offsets of native/src/model_layout.h as class attributes."""


def _load_layout() -> None:
    from pathlib import Path

    text = (Path(__file__).resolve().parents[2] / "native" / "src" / "model_layout.h").read_text()
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "#define":
            setattr(LAYOUT, words[1].removeprefix("FML_"), int(words[2], 0))


_load_layout()

CONV, POOL, FLATTEN, LINEAR = 1, 2, 3, 4


@pytest.mark.parametrize(
    ("field", "value", "code", "op", "status"),
    [
        ("Op.kind", 9, "B", CONV, BAD_OP),
        ("Op.flags", 0x80, "B", CONV, BAD_OP),
        ("Op.flags", 4, "B", CONV, BAD_OP),
        ("Op.input", 0xFFFF, "<H", CONV, BAD_OP),
        ("Op.input", 99, "<H", CONV, BAD_OP),
        ("Op.input", 4, "<H", CONV, BAD_OP),  # a tensor that a later operator writes
        ("Op.input2", 0, "<H", CONV, BAD_OP),
        ("Op.output", 0, "<H", CONV, BAD_OP),  # its own input
        ("Op.attribute", 7, "<H", CONV, BAD_OP),
        ("Op.tile_rows", 0, "<H", CONV, BAD_OP),
        ("Op.tile_channels", 2, "<H", CONV, BAD_PARAMS),
        ("Op.activation_max", -128, "b", CONV, BAD_OP),
        ("Op.left_shift", 16, "B", CONV, BAD_OP),
        ("Op.left_shift", 1, "B", POOL, BAD_OP),
        ("Op.encoding", 7, "B", CONV, BAD_OP),
        ("Op.reserved", 1, "<H", CONV, BAD_OP),
        ("Op.params", 1 << 31, "<I", CONV, BAD_PARAMS),
        ("Op.params_size", 4, "<I", CONV, BAD_PARAMS),
        ("Op.params_size", 3, "<I", FLATTEN, BAD_PARAMS),
        ("Op.lookup", 1 << 20, "<I", CONV, BAD_PARAMS),
        ("Op.lookup", 4, "<I", POOL, BAD_PARAMS),
        ("Op.params", 0, "<I", LINEAR, BAD_PARAMS),  # someone else's bytes: shifts out of range
        ("Window.kernel_height", 0, "<H", CONV, BAD_OP),
        ("Window.kernel_width", 4, "<H", CONV, BAD_PARAMS),
        ("Window.stride_height", 0, "B", CONV, BAD_OP),
        ("Window.stride_width", 2, "B", CONV, BAD_OP),
        ("Window.dilation_width", 0, "B", POOL, BAD_OP),
        ("Window.pad_top", 3, "B", CONV, BAD_OP),
        ("Window.groups", 0, "<H", CONV, BAD_PARAMS),
        ("Window.groups", 2, "<H", POOL, BAD_OP),
        ("View.rows", 0, "<H", FLATTEN, BAD_OP),
        ("View.columns", 6, "<H", FLATTEN, BAD_OP),
        ("View.reserved", 1, "<H", FLATTEN, BAD_OP),
        ("View.source_offset", 1, "<I", FLATTEN, BAD_OP),
        ("View.source_row", -30, "<i", FLATTEN, BAD_OP),
        ("View.destination_depth", -(1 << 31), "<i", FLATTEN, BAD_OP),
        ("View.destination_offset", 0xFFFFFFFF, "<I", FLATTEN, BAD_OP),
        ("Output.offset", 1 << 20, "<I", CONV, BAD_TENSOR),
        ("Output.offset", 0xFFFFFFF0, "<I", CONV, BAD_TENSOR),
        ("Output.height", 0, "<H", CONV, BAD_TENSOR),
        ("Output.width", 0xFFFF, "<H", CONV, BAD_TENSOR),
        ("Output.reserved", 1, "B", CONV, BAD_TENSOR),
    ],
)
def test_malformed_operator(field: str, value: int, code: str, op: int, status: int) -> None:
    assert patched(field, value, code, op) == status


def in_parts_blob() -> bytes:
    graph = graphs.in_parts()
    return write_blob(graph, graphs.roomy_plan(graph))


POOLING, FIRST_PART, MIDDLE_PART, LAST_PART = 1, 2, 3, 4
LOOKUP, SUMS_OUT, SUMS_IN = 2, 8, 16


@pytest.mark.parametrize(
    ("field", "value", "code", "op", "status"),
    [
        ("Op.flags", LOOKUP, "B", POOLING, BAD_OP),
        ("Op.flags", SUMS_OUT, "B", POOLING, BAD_OP),
        ("Op.flags", SUMS_IN, "B", POOLING, BAD_OP),
        ("Op.flags", LOOKUP | SUMS_OUT, "B", FIRST_PART, BAD_OP),
        ("Op.flags", 0, "B", FIRST_PART, BAD_PARAMS),  # 20 int8 channels, for which there are no constants
        ("Op.flags", SUMS_IN, "B", FIRST_PART, BAD_OP),
        ("Op.flags", LOOKUP, "B", LAST_PART, BAD_OP),  # with a second input
        ("Op.input2", 0xFFFF, "<H", MIDDLE_PART, BAD_OP),
        ("Op.input2", 1, "<H", MIDDLE_PART, BAD_OP),  # the first input: no sums
        ("Op.input2", 3, "<H", MIDDLE_PART, BAD_OP),  # its own output
        ("Op.input2", 4, "<H", MIDDLE_PART, BAD_OP),  # written later
        ("Op.output", 2, "<H", MIDDLE_PART, BAD_OP),  # in place
        ("Output.channels", 21, "<H", FIRST_PART, BAD_OP),
        ("Output.channels", 16, "<H", FIRST_PART, BAD_PARAMS),
        ("Output.channels", 3, "<H", FIRST_PART, BAD_OP),  # no output at all
        ("Output.height", 3, "<H", FIRST_PART, BAD_OP),  # too few for the part that goes on from them
        ("Window.first_channel", 5, "<H", LAST_PART, BAD_OP),
        ("Window.first_channel", 0xFFFF, "<H", LAST_PART, BAD_OP),
        ("Window.channels", 0, "<H", LAST_PART, BAD_OP),
        ("Window.channels", 1, "<H", LAST_PART, BAD_PARAMS),
        ("Window.channels", 3, "<H", POOLING, BAD_PARAMS),  # two groups
        ("Window.pool_height", 0, "B", POOLING, BAD_OP),
        ("Window.pool_height", 3, "B", POOLING, BAD_OP),
        ("Window.pool_width", 0, "B", POOLING, BAD_OP),
        ("Window.pool_width", 255, "B", POOLING, BAD_OP),
    ],
)
def test_malformed_parts(field: str, value: int, code: str, op: int, status: int) -> None:
    assert patched(field, value, code, op, in_parts_blob) == status


@pytest.mark.parametrize("field", ["first_channel", "channels"])
def test_only_convolutions_read_some_channels(field: str) -> None:
    assert patched(f"Window.{field}", 1, "<H", POOL) == BAD_OP


@pytest.mark.parametrize("field", ["pool_height", "pool_width"])
@pytest.mark.parametrize("value", [0, 2])
def test_only_convolutions_pool_besides(field: str, value: int) -> None:
    assert patched(f"Window.{field}", value, "B", POOL) == BAD_OP


@pytest.mark.parametrize("op", [0, POOL, FLATTEN])
@pytest.mark.parametrize("flag", [SUMS_OUT, SUMS_IN])
def test_only_convolutions_have_sums(op: int, flag: int) -> None:
    assert patched("Op.flags", flag, "B", op) == BAD_OP


@pytest.mark.parametrize("make", [chain_blob, in_parts_blob])
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_sealed_nonsense_leaves_its_memory(make: Callable[[], bytes], data: st.DataObject) -> None:
    """Metadata with random bytes replaced and a right checksum is refused, or runs within its arena."""
    blob = bytearray(make())
    (metadata_size,) = struct.unpack_from("<I", blob, 8)
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(20, metadata_size - 1))
        blob[position] = data.draw(st.sampled_from([0, 1, 2, 3, 4, 127, 128, 255]))
    try:
        engine = Engine(seal(blob))
    except EngineError:
        return
    memory = bytearray(b"\xa5" * (engine.nvm_size + 4096))
    session = Session(engine, memoryview(memory)[: engine.nvm_size])
    session.start(bytes(engine.sample_size))
    session.step()
    assert memory[engine.nvm_size :] == b"\xa5" * 4096


def test_too_large_for_the_format() -> None:
    graph = graphs.chain()
    plan = graphs.roomy_plan(graph)
    huge = plan.ops[0].__class__((1 << 16, 1, 1), 0, False)
    with pytest.raises(PackError, match="does not fit"):
        write_blob(graph, MemoryPlan(plan.tensors, plan.sample, plan.arena_size, (huge, *plan.ops[1:])))


def test_errors_have_a_text() -> None:
    with pytest.raises(EngineError, match="not as long as it says"):
        Engine(chain_blob()[:-1])
    session = Session(Engine(chain_blob()), bytearray(2000))
    with pytest.raises(EngineError, match="no inference is under way"):
        session.step()
    with pytest.raises(EngineError, match="wrong number of bytes"):
        session.start(b"1")
    with pytest.raises(EngineError, match="nonvolatile memory is too small"):
        Session(Engine(chain_blob()), bytearray(100))
