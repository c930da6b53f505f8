"""The commit rule: what the verifier accepts can be cut anywhere; what it refuses could not, or is a plain reason to refuse."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import graphs
import numpy as np
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine, EngineError, Session
from freeml_pack.graph import Copy, Graph, Quantize, Window
from freeml_pack.plan import Allocation, MemoryPlan
from hypothesis import event, given, settings
from hypothesis import strategies as st

COMMIT_RULE, BAD_OP = -9, -7


def small() -> Graph:
    """Few bytes, branches, a concatenation, sums in parts: a plan's tensors soon get into each other's way."""
    b = graphs.Builder(np.random.default_rng(0))
    x = b.quantize((2, 3, 2))
    y = b.conv(x, 4, Window((1, 1)))
    z = b.depthwise(x, Window((1, 1)))
    c = b.concat(z, y)
    return b.finish(b.conv_in_parts(b.adaptive_pool(c, (1, 1)), 3, Window((1, 1)), (2, 4)))


GRAPH = small()


def random_plan(rng: np.random.Generator) -> MemoryPlan:
    """A good plan with some tensors, or the sample, moved anywhere and some commits left out."""
    make = graphs.tight_plan if rng.integers(0, 2) else graphs.roomy_plan
    plan = make(GRAPH, rng)
    moved = rng.choice([*plan.tensors, "sample"], int(rng.integers(0, 3)))

    def place(name: str, a: Allocation) -> Allocation:
        return replace(a, offset=int(rng.integers(0, plan.arena_size - a.size + 1))) if name in moved else a

    tensors = {name: place(name, a) for name, a in plan.tensors.items()}
    ops = tuple(replace(op, commit_last=bool(op.commit_last and rng.integers(0, 4))) for op in plan.ops)
    return MemoryPlan(tensors, place("sample", plan.sample), plan.arena_size, ops)


def bytes_written(plan: MemoryPlan, index: int) -> list[set[int]]:
    """Exactly the bytes that each step of an op writes, in the order of the steps."""
    op = GRAPH.ops[index]
    base = plan.tensors[op.output].offset
    i, j, k = np.indices(graphs.space(GRAPH, op))
    if isinstance(op, Copy | Quantize):
        to = op.view.destination
        places = base + to.offset + i * to.row + j * to.column + k * to.depth
    else:
        places = base + np.arange(GRAPH.tensors[op.output].size).reshape(*i.shape, -1)
    rows, columns, channels = plan.ops[index].tile
    return [
        set(places[r : r + rows, c : c + columns, d : d + channels].ravel().tolist())
        for d in range(0, i.shape[2], channels)
        for c in range(0, i.shape[1], columns)
        for r in range(0, i.shape[0], rows)
    ]


def bytes_read(plan: MemoryPlan, index: int) -> set[int]:
    places = [plan.tensors[name] for name in GRAPH.ops[index].inputs]
    if isinstance(GRAPH.ops[index], Quantize):
        places = [plan.sample]
    return {byte for a in places for byte in range(a.offset, a.offset + a.size)}


def breaks_rule(plan: MemoryPlan) -> bool:
    """The theorem byte by byte and step by step: some interval overwrites what it read from before the interval."""
    written: set[int] = set()
    exposed: set[int] = set()
    for index, op in enumerate(plan.ops):
        steps = bytes_written(plan, index)
        for tile, step in enumerate(steps, start=1):
            exposed |= bytes_read(plan, index) - written
            written |= step
            if exposed & written:
                return True
            if (op.commit_every and tile % op.commit_every == 0) or (op.commit_last and tile == len(steps)):
                written, exposed = set(), set()
    return False


@settings(max_examples=1500, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_breaking_plan_opens(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = random_plan(rng)
    try:
        engine = Engine(write_blob(GRAPH, plan))
    except EngineError as error:
        event(f"refused {error.status}")
        if error.status not in (COMMIT_RULE, BAD_OP):
            raise
        return
    event("opens")
    assert not breaks_rule(plan)
    replays_alike(engine, rng)


def replays_alike(engine: Engine, rng: np.random.Generator) -> None:
    """After a cut at any step, with what the interval wrote torn, the answer is the uninterrupted one."""
    sample = rng.integers(0, 256, engine.sample_size, np.uint8).tobytes()
    memory = bytearray(engine.nvm_size)
    session = Session(engine, memory)
    session.start(sample)
    images = [np.frombuffer(bytes(memory), np.uint8)]
    while not session.step(1):
        images.append(np.frombuffer(bytes(memory), np.uint8))
    expected = session.output()
    for before, after in pairwise(images):
        torn = before.copy()
        arena = 64 + np.flatnonzero((before != after)[64:])
        torn[arena] = rng.integers(0, 256, len(arena))
        again = Session(engine, bytearray(torn.tobytes()))
        again.step()
        assert np.array_equal(again.output(), expected)


@pytest.mark.parametrize("seed", range(20))
def test_good_plans_open(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for plan in (graphs.roomy_plan(GRAPH, rng), graphs.tight_plan(GRAPH, rng)):
        assert not breaks_rule(plan)
        replays_alike(Engine(write_blob(GRAPH, plan)), rng)


def test_buffer_used_again_in_the_same_interval_is_refused() -> None:
    """The classic: the third op writes where the first one read."""
    graph = graphs.chain()
    plan = graphs.tight_plan(graph)
    Engine(write_blob(graph, plan))
    never = tuple(replace(op, commit_last=False) for op in plan.ops)
    with pytest.raises(EngineError) as refused:
        Engine(write_blob(graph, replace(plan, ops=never)))
    assert refused.value.status == COMMIT_RULE


def test_op_that_commits_inside_commits_at_its_end() -> None:
    """Else its last interval, shared with the next ops, reads tiles that were committed before."""
    plan = graphs.roomy_plan(GRAPH)
    open_ended = (plan.ops[0], replace(plan.ops[1], tile=(1, 1, 4), commit_every=2), *plan.ops[2:])
    with pytest.raises(EngineError) as refused:
        Engine(write_blob(GRAPH, replace(plan, ops=open_ended)))
    assert refused.value.status == COMMIT_RULE


def test_parts_of_a_concatenation_need_no_commit() -> None:
    """The commit between two parts leaves the first part's bytes exposed in the second's run, but nobody overwrites them."""
    plan = graphs.roomy_plan(GRAPH)
    for committed in range(len(plan.ops)):
        ops = tuple(replace(op, commit_last=index == committed) for index, op in enumerate(plan.ops))
        Engine(write_blob(GRAPH, replace(plan, ops=ops)))
