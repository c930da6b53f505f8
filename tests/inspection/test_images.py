"""NVM images: what is said of them is what the core does with them."""

from __future__ import annotations

import numpy as np
import pytest
from freeml_pack.engine import BOOT_LIMIT, Engine, Session
from freeml_pack.inspection.network import read_network
from freeml_pack.inspection.nvm import read_journal
from freeml_pack.inspection.verdict import Verdict, judge
from freeml_schema.journal import Record
from hypothesis import given, settings
from hypothesis import strategies as st
from inspection.images import BLOB, ENGINE, OTHER_BLOB, SAMPLE, TAG, image
from journals import SIZE, fill_slots, journal_slots, sealed
from power import KEEPERS, CutNvm, PowerCut

NETWORK = read_network(BLOB)
HALFWAY = image()
RECORD = journal_slots(bytes(HALFWAY))[0]


def inspected(data: bytes) -> Verdict:
    """Whatever is said, it agrees with what a session finds."""
    journal = read_journal(data)
    verdict = judge(data, journal, NETWORK)
    session = Session(ENGINE, bytearray(data))
    assert verdict.state == session.journal
    if verdict.progress:
        assert journal.newest is not None
        assert session.phase == "running"
        assert session.remaining == verdict.progress.steps - verdict.progress.steps_done
        assert session.boots == min(journal.newest.fields["boots"] + 1, 0xFFFF)
        assert session.tag == journal.newest.fields["tag"]
        assert (not verdict.good) == verdict.text.startswith("no progress")
    if verdict.answer:
        assert session.phase == "done"
        assert list(verdict.answer.scores) == session.output().tolist()
    assert (session.phase == "running") == (verdict.progress is not None)
    assert (session.phase == "done") == (verdict.answer is not None)
    return verdict


def test_blank() -> None:
    for fill in (0x00, 0xFF):
        verdict = inspected(bytes([fill]) * ENGINE.nvm_size)
        assert (verdict.good, verdict.text) == (True, "blank: nothing was ever committed; the next start() works")


@pytest.mark.parametrize("steps", range(1, 234, 29))
def test_under_way(steps: int) -> None:
    memory = image(steps)
    verdict = inspected(memory)
    assert verdict.good
    assert verdict.progress is not None
    assert verdict.progress.steps_done <= steps <= verdict.progress.interval.last_step
    assert verdict.text.startswith(f"inference tag 7 stands at step {verdict.progress.steps_done} of 234 (")
    assert verdict.text.endswith("resume() will finish it")
    session = Session(ENGINE, memory)  # the next commit comes when it is said to come
    for _ in range(verdict.progress.steps_done, verdict.progress.interval.last_step):
        session.step(1)
        assert session.commits == 0
    session.step(1)
    assert session.commits == 1


def test_answer() -> None:
    verdict = inspected(image(None))
    scores = ENGINE.run(SAMPLE)
    assert verdict.text == f"answer of tag 7 is ready: label {scores.argmax()}"
    assert verdict.answer is not None
    assert verdict.answer.label == scores.argmax()
    output = NETWORK.tensors[NETWORK.output]
    assert verdict.answer.values == pytest.approx((scores.astype(float) - output.zero_point) * output.scale)


def test_idle() -> None:
    memory = image(None)
    Session(ENGINE, memory).cancel()
    assert inspected(memory).text.startswith("idle: ")


def test_no_progress() -> None:
    memory = image()
    for boot in range(1, BOOT_LIMIT + 2):
        Session(ENGINE, memory)
        verdict = inspected(memory)
        if boot < BOOT_LIMIT:
            assert verdict.good
            assert verdict.notes[0].startswith(f"opened {boot} times since the last commit")
        else:
            assert not verdict.good
            assert verdict.text.startswith(f"no progress for {boot} boots: inference tag 7 stands at step")


@pytest.mark.parametrize("slot", [0, 1])
@pytest.mark.parametrize("field", [part.name for part in Record.subcons])
def test_every_field_of_a_slot_damaged(slot: int, field: str) -> None:
    at = sum(part.sizeof() for part in Record.subcons[: [part.name for part in Record.subcons].index(field)])
    memory = bytearray(HALFWAY)
    memory[32 * slot + at] ^= 0x40
    wrong = ["crc32"] if field not in ("magic", "phase", "exit", "reserved") else [field, "crc32"]
    verdict = inspected(memory)
    assert verdict.good
    assert verdict.notes == (f"slot {slot} damaged ({', '.join(wrong)}), slot {1 - slot} good: nothing lost",)
    memory[32 * (1 - slot) + at] ^= 0x40
    verdict = inspected(memory)
    assert not verdict.good
    if field == "magic":
        assert verdict.text.startswith("no slot holds a record, but the journal is not erased")
    else:
        assert verdict.text.startswith("both slots damaged (slot 0: ")
        assert verdict.text.endswith("the inference is lost, the next start() works")


@pytest.mark.parametrize(("field", "value"), [("exit", 3), ("reserved", 1)])
def test_fields_that_must_be_zero(field: str, value: int) -> None:
    memory = bytearray(HALFWAY)
    fill_slots(memory, sealed(Record.parse(RECORD), **{field: value}))
    slots = read_journal(memory).slots
    assert [slot.problems for slot in slots] == [(field,), (field,)]
    inspected(memory)


@pytest.mark.parametrize("kept", [1, 2, 10, SIZE - 1])
def test_a_torn_first_record(kept: int) -> None:
    memory = bytearray(ENGINE.nvm_size)
    memory[:kept] = RECORD[:kept]
    verdict = inspected(memory)
    assert verdict.good
    assert verdict.text.startswith("the very first record was cut off")


@pytest.mark.parametrize(("slot", "older"), [(0, False), (1, True)])
def test_a_commit_cut_between_its_writes(slot: int, older: bool) -> None:
    memory, before = bytearray(HALFWAY), sealed(Record.parse(RECORD), sequence=33)
    records = [RECORD, RECORD]
    records[slot] = before if older else bytes(SIZE)
    fill_slots(memory, *records)
    verdict = inspected(memory)
    holds = "holds record 33" if older else "is blank"
    assert verdict.notes == (f"slot {slot} still {holds}: power failed between the two writes of a commit; nothing lost",)
    assert verdict.good


def test_another_model() -> None:
    other = Engine(OTHER_BLOB)
    memory = bytearray(ENGINE.nvm_size)
    Session(other, memory).start(bytes(other.sample_size))
    verdict = inspected(memory)
    assert not verdict.good
    assert verdict.text.startswith(f"written by another model (id {other.model_id:08x}, not {ENGINE.model_id:08x})")


@pytest.mark.parametrize(("op", "tile"), [(16, 0), (99, 1), (5, 8)])
def test_steps_that_the_model_has_not(op: int, tile: int) -> None:
    memory = bytearray(HALFWAY)
    fill_slots(memory, sealed(Record.parse(RECORD), op=op, tile=tile))
    verdict = inspected(memory)
    assert not verdict.good
    assert verdict.text.startswith(f"the record names operator {op}, step {tile}, which the model has not")


def test_a_short_image() -> None:
    data = bytes(image(None)[:100])
    verdict = judge(data, read_journal(data), NETWORK)
    assert (verdict.good, verdict.answer) == (False, None)
    assert verdict.notes == (f"the image has 100 of the model's {ENGINE.nvm_size:,} bytes: dump the whole memory",)


def test_without_a_model() -> None:
    for memory, text in (
        (HALFWAY, "inference tag 7 stands at operator 5, step 0: "),
        (image(None), "answer of tag 7 is ready; --model"),
    ):
        verdict = judge(memory, read_journal(memory), None)
        assert verdict.good
        assert verdict.text.startswith(text)


@pytest.mark.parametrize("keep", KEEPERS)
def test_after_power_cuts(keep: str) -> None:
    """Wherever the power fails, nothing is ever said to be lost, and the core agrees."""
    rng = np.random.default_rng(0)
    cut, texts, finished = 0, set(), False
    while not finished:
        nvm = CutNvm(ENGINE.nvm_size, KEEPERS[keep](rng))
        nvm.cut_at = cut
        try:
            session = Session(ENGINE, nvm)
            session.start(SAMPLE, TAG)
            finished = session.step()
        except PowerCut:
            pass
        verdict = inspected(nvm.data.tobytes())
        assert verdict.good
        texts.add(verdict.text.split()[0])
        cut += 1 if cut < 12 else 17
    assert {"blank:", "inference"} <= texts


RECORDS = st.fixed_dictionaries(
    {
        "phase": st.integers(0, 3),
        "exit": st.sampled_from([0, 0, 0, 1]),
        "model_id": st.sampled_from([ENGINE.model_id] * 4 + [5]),
        "sequence": st.sampled_from([0, 1, 2, 33, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1]),
        "tag": st.integers(0, 2**32 - 1),
        "op": st.integers(0, 17),
        "tile": st.integers(0, 45),
        "boots": st.sampled_from([0, 1, 14, 15, 16, 17, 65534, 65535]),
    }
)


@settings(max_examples=300, deadline=None)
@given(RECORDS, RECORDS, st.lists(st.integers(0, 8 * SIZE - 1), max_size=1), st.integers(0, 2))
def test_any_two_records(first: dict, second: dict, flips: list[int], fate: int) -> None:
    """Records as the core never writes them, too. fate: of the second slot: as it is, erased, never written."""
    good = Record.parse(RECORD)
    records = [bytearray(sealed(good, **record)) for record in (first, second)]
    for bit in flips:
        records[0][bit // 8] ^= 1 << bit % 8
    if fate:
        records[1] = bytearray([0xFF if fate == 1 else 0]) * SIZE
    memory = bytearray(HALFWAY)
    fill_slots(memory, bytes(records[0]), bytes(records[1]))
    inspected(memory)


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=64, max_size=64))
def test_random_journals(journal: bytes) -> None:
    memory = bytearray(HALFWAY)
    memory[:64] = journal
    inspected(memory)
