"""Early exits: their scores, when they can be taken, and blobs that would lose them."""

from __future__ import annotations

from dataclasses import replace

import graphs
import numpy as np
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine, EngineError, Session
from freeml_pack.graph import Exit, Graph
from freeml_pack.oracle import run_oracle
from freeml_pack.plan import MemoryPlan, check_commit_rule
from freeml_schema import journal
from journals import journal_slots
from power import CutNvm

IDLE, NOT_DONE, BAD_EXIT = -15, -16, -19
GRAPH = graphs.with_exits()
SAMPLE = graphs.random_sample(GRAPH)


def plan_of(graph: Graph = GRAPH, *, tight: bool = True) -> MemoryPlan:
    rng = np.random.default_rng(3)
    return graphs.tight_plan(graph, rng) if tight else graphs.roomy_plan(graph, rng)


def exit_scores(graph: Graph, sample: bytes) -> list[np.ndarray]:
    """What the oracle says of each exit, and of the last layer."""
    values = run_oracle(graph, np.frombuffer(sample, np.uint8)[None], trace=True)
    return [values[name].ravel() for name in (*(exit.tensor for exit in graph.exits), graph.output)]


@pytest.mark.parametrize("tight", [True, False])
def test_every_exit_is_the_oracles(tight: bool) -> None:
    plan = plan_of(tight=tight)
    check_commit_rule(GRAPH, plan)
    engine = Engine(write_blob(GRAPH, plan))
    samples = np.random.default_rng(1).integers(0, 256, (5, GRAPH.sample.size), np.uint8)
    expected = [exit_scores(GRAPH, sample.tobytes()) for sample in samples]
    assert np.array_equal(engine.run_exits(samples), np.array(expected))
    assert [(e.op, e.threshold, e.temperature) for e in engine.exits] == [
        (GRAPH.last_write(e.tensor), e.threshold, e.temperature) for e in GRAPH.exits
    ]


@pytest.mark.parametrize("streamed", [True, False])
def test_exit_after_every_step(streamed: bool) -> None:
    """The answer outlives a reset; the record names the exit; nothing is committed before the first exit is passed."""
    engine = Engine(write_blob(GRAPH, plan_of()), streamed=streamed)
    expected = exit_scores(GRAPH, SAMPLE)
    steps = sum(engine.op_tiles(op) for op in range(engine.op_count))
    seen = set()
    for count in range(steps):
        nvm = CutNvm(engine.nvm_size, lambda size: np.ones(size, bool)) if streamed else bytearray(engine.nvm_size)
        session = Session(engine, nvm)
        session.start(SAMPLE, tag=7)
        if count:
            session.step(count)
        passed = sum(exit.op < session.op for exit in engine.exits)
        assert session.exits == passed
        seen.add(passed)
        if passed == 0:
            with pytest.raises(EngineError) as caught:
                session.exit_now()
            assert caught.value.status == NOT_DONE
            assert session.phase == "running"
            continue
        session.exit_now()
        again = Session(engine, nvm)
        for one in (session, again):
            assert (one.phase, one.exit, one.tag, one.exits) == ("done", passed, 7, 0)
            assert np.array_equal(one.output(), expected[passed - 1])
        first, second = journal_slots(bytes(nvm) if isinstance(nvm, bytearray) else nvm.data.tobytes())
        assert first == second
        record = journal.Record.parse(first)
        assert (record.phase, record.exit, record.op, record.tile) == ("DONE", passed, engine.op_count, 0)
        again.start(SAMPLE)
        again.step()
        assert again.exit == 0
        assert np.array_equal(again.output(), expected[-1])
    assert seen == {0, 1, 2, 3}


def test_exit_while_nothing_runs() -> None:
    session = Session(Engine(write_blob(GRAPH, plan_of())), bytearray(4096))
    with pytest.raises(EngineError) as caught:
        session.exit_now()
    assert caught.value.status == IDLE
    session.start(SAMPLE)
    session.step()
    commits = session.commits
    session.exit_now()
    assert (session.commits, session.exit, session.phase) == (commits, 0, "done")


def overwritten() -> tuple[Graph, MemoryPlan]:
    """The first exit's scores lie where a later operator writes."""
    plan = plan_of(tight=False)
    later = GRAPH.ops[-2].output
    moved = replace(plan.tensors[later], offset=plan.tensors[GRAPH.exits[0].tensor].offset)
    room = max(plan.arena_size, moved.end)
    return GRAPH, replace(plan, tensors={**plan.tensors, later: moved}, arena_size=room)


def wrong_order() -> tuple[Graph, MemoryPlan]:
    return GRAPH.with_(exits=GRAPH.exits[::-1]), plan_of()


def wrong_length() -> tuple[Graph, MemoryPlan]:
    wider = next(name for name, tensor in GRAPH.tensors.items() if tensor.size != 5 and name == GRAPH.ops[1].output)
    return GRAPH.with_(exits=(Exit(wider),)), plan_of(tight=False)


@pytest.mark.parametrize("make", [overwritten, wrong_order, wrong_length])
def test_refused(make) -> None:
    with pytest.raises(EngineError) as caught:
        Engine(write_blob(*make()))
    assert caught.value.status == BAD_EXIT
