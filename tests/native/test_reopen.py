"""fml_model_reopen: a model kept in nonvolatile memory is verified once, and again where anything but the blob's body differs.

native/powerfail cuts the power while it is verified and sealed."""

from __future__ import annotations

from typing import Any

import graphs
import numpy as np
import pytest
from freeml_pack._engine import ffi, lib
from freeml_pack.blob import write_blob

NOT_A_MODEL, TRUNCATED, CHECKSUM, IO = -1, -3, -4, -17


def blob_of(seed: int) -> bytes:
    """Blobs of different seeds differ in their weights, not in their sizes."""
    graph = graphs.chain(seed)
    return write_blob(graph, graphs.roomy_plan(graph))


class Memory:
    """A place for a blob, and one for a kept model, that survive."""

    def __init__(self, blob: bytes, is_streamed: bool = False) -> None:
        self.blob = ffi.new("uint8_t[]", blob)
        self.size = len(blob)
        self.kept: Any = ffi.new("fml_kept *")
        self.is_streamed = is_streamed
        self.metadata = ffi.new("uint8_t[]", blob[: lib.fml_metadata_size(self.blob, self.size)])

        self.buffer = ffi.new("uint32_t[16]")

    def arguments(self) -> tuple[Any, ...]:
        """Those of fml_model_open and fml_model_reopen after the first one."""
        if not self.is_streamed:
            return ffi.new("fml_source *", {"mapped": self.blob, "size": self.size}), ffi.NULL, ffi.NULL, 0
        read = {"read": lib.freeml_read_memory, "context": self.blob, "size": self.size}
        return ffi.new("fml_source *", read), self.metadata, self.buffer, 64

    def open(self) -> int:
        return int(lib.fml_model_reopen(self.kept, *self.arguments()))

    def kept_bytes(self) -> Any:
        return ffi.buffer(self.kept)

    def is_verified_again(self) -> bool:
        """Whether damage behind the header is found."""
        self.blob[self.size - 1] ^= 1
        status = self.open()
        self.blob[self.size - 1] ^= 1
        assert status in (0, CHECKSUM)
        return status == CHECKSUM


@pytest.fixture(params=[False, True], ids=["mapped", "streamed"])
def memory(request: pytest.FixtureRequest) -> Memory:
    memory = Memory(blob_of(0), request.param)
    assert memory.open() == 0
    return memory


def test_it_is_the_model_that_open_gives(memory: Memory) -> None:
    model = ffi.new("fml_model *")
    assert lib.fml_model_open(model, *memory.arguments()) == 0
    for _ in range(2):
        for name in (
            "model_id",
            "arena_size",
            "scratch_size",
            "nvm_size",
            "sample_size",
            "op_count",
            "output_length",
            "weights",
        ):
            assert getattr(memory.kept.model, name) == getattr(model, name), name
        assert bytes(ffi.buffer(memory.kept.model.vectors)) == bytes(ffi.buffer(model.vectors))
        assert memory.open() == 0


def test_it_is_verified_once(memory: Memory) -> None:
    before = bytes(memory.kept_bytes())
    assert not memory.is_verified_again()
    assert bytes(memory.kept_bytes()) == before  # nothing is written, so nothing can tear


def test_every_bit_of_it_is_looked_at(memory: Memory) -> None:
    sealed = bytes(memory.kept_bytes())
    for bit in range(8 * (ffi.offsetof("fml_kept", "seal") + 4)):
        damaged = bytearray(sealed)
        damaged[bit // 8] ^= 1 << bit % 8
        memory.kept_bytes()[:] = bytes(damaged)
        assert memory.is_verified_again(), f"bit {bit}"
        assert memory.kept.seal == 0
    assert memory.open() == 0
    assert not memory.is_verified_again()


def test_a_broken_seal(memory: Memory) -> None:
    memory.kept.seal = 0
    assert memory.is_verified_again()


def test_another_blob_of_the_same_size_is_noticed(memory: Memory) -> None:
    other = blob_of(1)
    assert len(other) == memory.size
    assert other != bytes(memory.blob)
    old = memory.kept.model.model_id
    ffi.memmove(memory.blob, other, len(other))
    if memory.is_streamed:  # weights that these metadata are not of
        assert memory.open() == CHECKSUM
        ffi.memmove(memory.metadata, other, len(memory.metadata))
    assert memory.open() == 0
    assert memory.kept.model.model_id != old


@pytest.mark.parametrize(("at", "status"), [(4, NOT_A_MODEL), (8, None), (12, TRUNCATED), (16, CHECKSUM), (19, CHECKSUM)])
def test_another_header_is_noticed(at: int, status: int | None, memory: Memory) -> None:
    memory.blob[at] ^= 1
    memory.metadata[at] ^= 1
    assert memory.open() == status if status is not None else memory.open() < 0
    assert memory.kept.seal == 0


def test_another_place_or_size_is_noticed(memory: Memory) -> None:
    moved = Memory(blob_of(0), memory.is_streamed)
    moved.kept_bytes()[:] = memory.kept_bytes()[:]
    assert moved.is_verified_again()
    memory.size -= 1
    assert memory.open() == TRUNCATED


def test_a_damaged_blob_is_never_sealed() -> None:
    memory = Memory(blob_of(0))
    for _ in range(3):
        assert memory.is_verified_again()
        assert memory.kept.seal == 0


def test_any_bytes_at_first() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        memory = Memory(blob_of(0))
        memory.kept_bytes()[:] = rng.bytes(len(memory.kept_bytes()))
        assert memory.is_verified_again()
        assert memory.open() == 0
        assert not memory.is_verified_again()


def test_metadata_at_another_place_are_noticed() -> None:
    memory = Memory(blob_of(0), is_streamed=True)
    assert memory.open() == 0
    memory.metadata = ffi.new("uint8_t[]", bytes(memory.metadata))
    assert memory.is_verified_again()


def test_a_memory_that_fails_breaks_no_seal(memory: Memory) -> None:
    kept = bytes(memory.kept_bytes())

    @ffi.callback("int(void *, uint32_t, void *, uint32_t)")
    def fail(context: Any, offset: int, to: Any, size: int) -> int:
        return -1

    source = ffi.new("fml_source *", {"read": fail, "size": memory.size})
    assert lib.fml_model_reopen(memory.kept, source, memory.metadata, ffi.NULL, 0) == IO
    assert bytes(memory.kept_bytes()) == kept
