"""Sessions: whatever power does, the answer is the uninterrupted one."""

from __future__ import annotations

import graphs
import numpy as np
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine, EngineError, Session
from freeml_pack.graph import Graph
from freeml_schema import journal
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import fill_slots, journal_slots, sealed
from power import KEEPERS, CutNvm, PowerCut, infer

BUSY, IDLE, STALE = -14, -15, -18
TAG = 0xDEADBEEF


def engine_of(graph: Graph, seed: int, *, tight: bool = True, streamed: bool = False) -> Engine:
    """With random tiles and commits."""
    rng = np.random.default_rng(seed)
    plan = graphs.tight_plan(graph, rng) if tight else graphs.roomy_plan(graph, rng)
    return Engine(write_blob(graph, plan), streamed=streamed)


def record_of(memory: bytes) -> dict:
    """The record of an image at rest, as construct reads it."""
    first, second = journal_slots(memory)
    assert first == second
    return journal.Record.parse(first)


@pytest.mark.parametrize("keep", KEEPERS)
@pytest.mark.parametrize("tight", [True, False])
def test_power_cut_at_every_access(keep: str, tight: bool) -> None:
    """Cut 1 at each write and sync, cut 2 at a random one of the recovery. The message of a failure names both."""
    graph = graphs.chain()
    engine = engine_of(graph, 3, tight=tight)
    sample = graphs.random_sample(graph)
    expected = engine.run(sample)
    whole = CutNvm(engine.nvm_size, KEEPERS[keep](np.random.default_rng(0)))
    assert np.array_equal(infer(engine, whole, sample, TAG), expected)
    for first in range(whole.accesses):
        rng = np.random.default_rng(first)
        nvm = CutNvm(engine.nvm_size, KEEPERS[keep](rng))
        nvm.cut_at = first
        with pytest.raises(PowerCut):
            infer(engine, nvm, sample, TAG)
        nvm.accesses, nvm.cut_at = 0, int(rng.integers(0, 20))
        try:
            scores = infer(engine, nvm, sample, TAG)
        except PowerCut:
            nvm.cut_at = None
            scores = infer(engine, nvm, sample, TAG)
        assert np.array_equal(scores, expected), f"cut {first}, then {nvm.cut_at}, keep {keep}"


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), streamed=st.booleans(), keep=st.sampled_from(sorted(KEEPERS)), pace=st.integers(0, 5))
def test_many_cuts_through_every_kind(seed: int, streamed: bool, keep: str, pace: int) -> None:
    """Power lasts for a random number of accesses, again and again, growing so that it ends."""
    graph = graphs.every_kind()
    engine = engine_of(graph, seed, streamed=streamed)
    sample = graphs.random_sample(graph, seed)
    rng = np.random.default_rng(seed)
    nvm = CutNvm(engine.nvm_size, KEEPERS[keep](rng))
    for cut in range(10_000):
        nvm.accesses, nvm.cut_at = 0, int(rng.integers(0, 10 + 20 * cut))
        try:
            scores = infer(engine, nvm, sample, TAG, pace)
            break
        except PowerCut:
            continue
    assert np.array_equal(scores, engine.run(sample))


@pytest.mark.parametrize("tight", [True, False])
def test_torn_steps_in_mapped_memory(tight: bool) -> None:
    """The arena is in NVM: power fails inside a step, its bytes half written, some with values of no meaning; or inside
    the record, whose bytes are written in order."""
    graph = graphs.every_kind()
    engine = engine_of(graph, 9, tight=tight)
    sample = graphs.random_sample(graph)
    expected = engine.run(sample)
    rng = np.random.default_rng(1)
    memory = bytearray(engine.nvm_size)
    session = Session(engine, memory)
    session.start(sample, TAG)
    done = False
    while not done:
        before = np.frombuffer(bytes(memory), np.uint8)
        done = session.step(1)
        after = np.frombuffer(bytes(memory), np.uint8)
        changed = np.flatnonzero(before != after)
        arena, slots = changed[changed >= journal.ARENA_OFFSET], changed[changed < journal.ARENA_OFFSET]
        torn_data, torn_record = before.copy(), after.copy()
        torn_data[arena] = np.where(rng.random(len(arena)) < 0.5, rng.integers(0, 256, len(arena)), after[arena])
        if len(slots):
            lost = slots[rng.integers(0, len(slots)) :]  # slot 0 is written first
            torn_record[lost] = before[lost]
        for image in (torn_data, torn_record):
            recovered = Session(engine, bytearray(image.tobytes()))
            assert recovered.phase in ("running", "done")
            assert recovered.tag == TAG
            recovered.step()
            assert np.array_equal(recovered.output(), expected)


def test_record_is_what_construct_reads() -> None:
    engine = engine_of(graphs.chain(), 3)
    memory = bytearray(engine.nvm_size)
    session = Session(engine, memory)
    assert not any(memory)
    session.start(graphs.random_sample(graphs.chain()), TAG)
    commits = session.commits
    while not session.step(1):
        newest = record_of(memory)
        assert (newest.model_id, newest.tag, newest.exit) == (engine.model_id, TAG, 0)
        assert newest.sequence == session.sequence == session.commits
        if session.commits > commits:
            assert (str(newest.phase), newest.op, newest.tile) == ("RUNNING", session.op, session.tile)
            commits = session.commits
    newest = record_of(memory)
    assert (str(newest.phase), newest.op, newest.tile) == ("DONE", engine.op_count, 0)


def test_commits_are_the_plan_s() -> None:
    graph = graphs.chain()
    rng = np.random.default_rng(4)
    plan = graphs.roomy_plan(graph, rng)
    engine = Engine(write_blob(graph, plan))
    expected = []
    for index, op in enumerate(plan.ops):
        tiles = engine.op_tiles(index)
        for tile in range(1, tiles + 1):
            last = tile == tiles
            if (op.commit_every and tile % op.commit_every == 0) or (last and (op.commit_last or index + 1 == engine.op_count)):
                expected.append((index + 1, 0) if last else (index, tile))
    session = Session(engine, bytearray(engine.nvm_size))
    session.start(graphs.random_sample(graph))
    seen = []
    assert session.remaining == sum(engine.op_tiles(i) for i in range(engine.op_count))
    done = False
    while not done:
        commits, remaining = session.commits, session.remaining
        done = session.step(1)
        assert session.remaining == remaining - 1
        if session.commits > commits:
            seen.append((session.op, session.tile))
    assert seen == expected


def test_only_what_a_step_wrote_is_written() -> None:
    """Bytes that were committed before are not written again, even with equal values: the medium might lose them."""
    graph = graphs.every_kind()
    engine = engine_of(graph, 11)
    sample = graphs.random_sample(graph)
    nvm = CutNvm(engine.nvm_size, KEEPERS["nothing"](np.random.default_rng(0)))
    infer(engine, nvm, sample, TAG)
    outputs = sum(int(np.prod(graphs.space(graph, op))) for op in graph.ops)
    commits = Session(engine, nvm).sequence
    assert nvm.bytes_written == len(sample) + outputs + commits * journal.SLOT_COUNT * journal.Record.sizeof()


def test_sequence_wraps_around() -> None:
    engine = engine_of(graphs.chain(), 3)
    sample = graphs.random_sample(graphs.chain())
    memory = bytearray(engine.nvm_size)
    session = Session(engine, memory)
    session.start(sample, TAG)
    session.step(3)
    sequence = 0xFFFFFFFD
    fill_slots(memory, sealed(record_of(memory), sequence=sequence))
    done = False
    while not done:
        session = Session(engine, memory)  # a reset after each commit: an old record taken for the newest would show
        assert session.phase == "running"
        assert session.sequence == (sequence + 1) % 2**32  # the opening was counted
        while not session.commits:
            done = session.step(1)
        sequence = (sequence + 2) % 2**32
    session = Session(engine, memory)
    assert 3 < session.sequence < 1000
    assert np.array_equal(session.output(), engine.run(sample))


def test_model_that_comes_back_does_not_resume_in_a_foreign_arena() -> None:
    """A runs, B takes over the memory and is cut at any access of its start; A must not go on from its old record once the
    arena can have changed."""
    graph_a, graph_b = graphs.chain(1), graphs.chain(2)
    a, b = engine_of(graph_a, 3), engine_of(graph_b, 3)
    sample = graphs.random_sample(graph_a)
    for cut in range(8):
        nvm = CutNvm(max(a.nvm_size, b.nvm_size), KEEPERS["everything"](np.random.default_rng(0)))
        session = Session(a, nvm)
        session.start(sample, TAG)
        session.step(5)
        nvm.accesses, nvm.cut_at = 0, cut
        try:
            infer(b, nvm, graphs.random_sample(graph_b, 7), 1)
        except PowerCut:
            nvm.cut_at = None
        back = Session(a, nvm)
        if back.phase == "running":
            back.step()
            assert np.array_equal(back.output(), a.run(sample))
        else:
            assert back.phase == "idle"


def test_phases_and_refusals() -> None:
    engine = engine_of(graphs.chain(), 3)
    sample = graphs.random_sample(graphs.chain())
    memory = bytearray(engine.nvm_size)
    session = Session(engine, memory)
    assert (session.phase, session.output(), session.remaining) == ("idle", None, 0)
    session.cancel()
    session.start(sample, 5)
    with pytest.raises(EngineError) as refused:
        session.start(sample, 6)
    assert refused.value.status == BUSY
    assert session.output() is None
    assert session.step() is True
    assert session.step() is True
    answer = session.output()
    assert Session(engine, memory).phase == "done"
    assert np.array_equal(Session(engine, memory).output(), answer)
    session.cancel()
    assert (session.phase, session.output()) == ("idle", None)
    assert Session(engine, memory).phase == "idle"
    with pytest.raises(EngineError) as refused:
        session.step()
    assert refused.value.status == IDLE


def test_failed_memory_makes_stale() -> None:
    engine = engine_of(graphs.chain(), 3)
    sample = graphs.random_sample(graphs.chain())
    nvm = CutNvm(engine.nvm_size, KEEPERS["nothing"](np.random.default_rng(0)))
    session = Session(engine, nvm)
    session.start(sample)
    nvm.cut_at = nvm.accesses + 4
    with pytest.raises(PowerCut):
        session.step()
    assert session.stale
    for call in (session.step, session.cancel, lambda: session.start(sample)):
        with pytest.raises(EngineError) as refused:
            call()
        assert refused.value.status == STALE
    assert session.output() is None
    assert np.array_equal(infer(engine, nvm, sample, 0), engine.run(sample))
