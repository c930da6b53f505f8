"""The journal: any one slot may be lost at any time, and whoever makes no progress is told so."""

from __future__ import annotations

from collections.abc import Iterator

import graphs
import numpy as np
import pytest
from freeml_pack._engine import ffi, lib
from freeml_pack.blob import write_blob
from freeml_pack.engine import BOOT_LIMIT, Engine, EngineError, Session
from freeml_schema import journal
from journals import SIZE, fill_slots, journal_slots, sealed
from power import KEEPERS, CutNvm, PowerCut, infer

TAG = 7
GRAPH = graphs.chain()
SAMPLE = graphs.random_sample(GRAPH)
ENGINE = Engine(write_blob(GRAPH, graphs.tight_plan(GRAPH, np.random.default_rng(3))))
EXPECTED = ENGINE.run(SAMPLE)
BLANK = bytes(SIZE)
FLIPPED_BITS = [*range(0, 8 * SIZE, 37), 8 * SIZE - 1]


def commits() -> Iterator[tuple[bytearray, bytes, bytes]]:
    """At each commit of an inference, the start and the end included: (the image after it, the record before it, its own)."""
    memory = bytearray(ENGINE.nvm_size)
    session = Session(ENGINE, memory)
    before = BLANK
    session.start(SAMPLE, TAG)
    while True:
        own, mirror = journal_slots(memory)
        assert own == mirror
        if own != before:
            yield bytearray(memory), before, own
            before = own
        if session.phase == "done":
            return
        session.step(1)


def damaged(record: bytes) -> Iterator[bytes]:
    for bit in FLIPPED_BITS:
        flipped = bytearray(record)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bytes(flipped)
    yield from (BLANK, b"\xff" * SIZE, record[::-1])


def finishes(image: bytearray) -> bool:
    session = Session(ENGINE, image)
    if session.phase == "idle":
        return False
    assert session.tag == TAG
    session.step()
    assert np.array_equal(session.output(), EXPECTED)
    return True


@pytest.mark.parametrize("first", [0, 1])
def test_every_state_of_the_slots(first: int) -> None:
    """While a commit is written, its first slot is torn, then new, then the other one is torn; in each of these states, and at
    rest, each slot rots. One valid record is enough; the newest one counts."""
    for image, before, own in commits():
        torn = own[: SIZE // 2] + before[SIZE // 2 :]
        states = [(own, own), (own, torn), (own, before), (torn, before), (before, before)]
        for pair in states:
            valid = [record in (own, before) and record != BLANK for record in pair]
            slots = pair if first == 0 else pair[::-1]
            fill_slots(image, *slots)
            assert finishes(bytearray(image)) == any(valid)
            for rotten in (0, 1):
                for bytes_ in damaged(pair[rotten]):
                    left = (bytes_, pair[1]) if rotten == 0 else (pair[0], bytes_)
                    fill_slots(image, *(left if first == 0 else left[::-1]))
                    assert finishes(bytearray(image)) == valid[1 - rotten]


@pytest.mark.parametrize("rotten", [0, 1])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_older_record_is_gone_before_the_arena_changes(rotten: int, steps: int) -> None:
    """Power failed between the two slots of a commit; the next life runs on, and then a slot rots."""
    for image, before, own in commits():
        for slots in ((own, before), (before, own)):
            memory = bytearray(image)
            fill_slots(memory, *slots)
            session = Session(ENGINE, memory)
            if session.phase == "done":
                session.start(SAMPLE, TAG)
            session.step(steps)
            memory[rotten * journal.SLOT_SIZE] ^= 1
            assert finishes(memory)


@pytest.mark.parametrize("keep", KEEPERS)
@pytest.mark.parametrize("lost", [0, 1])
def test_the_only_valid_slot_is_not_written_first(keep: str, lost: int) -> None:
    """A slot is lost; then power fails at every access of the next life."""
    for image, _, own in commits():
        memory = bytearray(image)
        fill_slots(memory, *((BLANK, own) if lost == 0 else (own, BLANK)))
        for cut in range(12):
            nvm = CutNvm(ENGINE.nvm_size, KEEPERS[keep](np.random.default_rng(cut)))
            nvm.data[:] = np.frombuffer(bytes(memory), np.uint8)
            nvm.cut_at = cut
            try:
                infer(ENGINE, nvm, SAMPLE, TAG)
            except PowerCut:
                nvm.cut_at = None
            assert Session(ENGINE, nvm).phase != "idle"
            assert np.array_equal(infer(ENGINE, nvm, SAMPLE, TAG), EXPECTED)


def test_idle_is_in_both_slots_before_a_sample_is_written() -> None:
    """A start was cut between the two slots that give up the last answer; after the next start, that slot rots."""
    *_, (image, _, done) = commits()
    session = Session(ENGINE, image)
    session.cancel()
    idle, _ = journal_slots(image)
    fill_slots(image, idle, done)
    assert Session(ENGINE, image).phase == "idle"
    nvm = CutNvm(ENGINE.nvm_size, KEEPERS["everything"](np.random.default_rng(0)))
    nvm.data[:] = np.frombuffer(bytes(image), np.uint8)
    nvm.cut_at = 6  # sync, idle, sync, idle, sync, sample
    with pytest.raises(PowerCut):
        Session(ENGINE, nvm).start(SAMPLE[::-1], TAG)
    assert not np.array_equal(nvm.data[journal.ARENA_OFFSET :], np.frombuffer(image, np.uint8)[journal.ARENA_OFFSET :])
    nvm.data[0] ^= 1
    assert Session(ENGINE, nvm).phase == "idle"


def test_journal_states() -> None:
    memory = bytearray(ENGINE.nvm_size)
    assert Session(ENGINE, memory).journal == "blank"
    memory[:] = b"\xff" * len(memory)
    assert Session(ENGINE, memory).journal == "blank"
    session = Session(ENGINE, memory)
    session.start(SAMPLE, TAG)
    running, _ = journal_slots(memory)
    assert Session(ENGINE, memory).journal == "valid"
    record = journal.Record.parse(running)
    for changes in ({"model_id": 1}, {"op": 999}, {"tile": 60000}):
        fill_slots(memory, sealed(record, **changes))
        found = Session(ENGINE, memory)
        assert (found.journal, found.phase) == ("foreign", "idle")
        fill_slots(memory, sealed(record, **changes, sequence=record.sequence + 1), running)
        assert Session(ENGINE, memory).phase == "idle"  # not the older one
    for changes in ({"phase": 3}, {"exit": 1}, {"reserved": 1}):
        fill_slots(memory, sealed(record, **changes))
        found = Session(ENGINE, memory)
        assert (found.journal, found.phase) == ("damaged", "idle")
    found.start(SAMPLE, TAG)
    assert Session(ENGINE, memory).journal == "valid"
    assert finishes(memory)


def test_boots_are_counted_and_a_commit_forgets_them() -> None:
    memory = bytearray(ENGINE.nvm_size)
    session = Session(ENGINE, memory)
    session.start(SAMPLE, TAG)
    assert session.boots == 0
    for boot in range(1, BOOT_LIMIT + 2):
        session = Session(ENGINE, memory)
        assert (session.boots, session.commits) == (boot, 0)
        assert journal.Record.parse(journal_slots(memory)[0]).boots == boot
    while not session.commits:
        session.step(1)
    assert session.boots == 0
    assert Session(ENGINE, memory).boots == 1
    fill_slots(memory, sealed(journal.Record.parse(journal_slots(memory)[0]), boots=65534))
    assert [Session(ENGINE, memory).boots for _ in range(3)] == [65535] * 3
    assert finishes(memory)
    assert Session(ENGINE, memory).boots == 0


def test_no_progress_is_reported_and_the_session_usable() -> None:
    memory = bytearray(ENGINE.nvm_size)
    Session(ENGINE, memory).start(SAMPLE, TAG)
    statuses = []
    for _ in range(BOOT_LIMIT):
        session = ffi.new("fml_session *")
        buffer = ffi.from_buffer("uint8_t[]", memory)
        nvm = ffi.new("fml_nvm *", {"mapped": buffer, "size": len(memory)})
        scratch = ffi.new("uint32_t[]", ENGINE.scratch_size // 4 + 1)
        statuses.append(
            lib.fml_session_open(session, ENGINE.model, nvm, ffi.NULL, 0, scratch, 4 * (ENGINE.scratch_size // 4 + 1))
        )
    assert statuses == [lib.FML_OK] * (BOOT_LIMIT - 1) + [lib.FML_NO_PROGRESS]
    assert ffi.string(lib.fml_status_text(lib.FML_NO_PROGRESS)) == b"no progress"
    assert lib.fml_session_step(session, 0) == lib.FML_DONE
    assert finishes(memory)


def test_looking_at_an_answer_counts_nothing() -> None:
    *_, (image, _, _) = commits()
    before = bytes(image)
    session = Session(ENGINE, image)
    assert (session.boots, session.phase) == (0, "done")
    with pytest.raises(EngineError):
        session.start(SAMPLE[:-1])
    assert bytes(image) == before
