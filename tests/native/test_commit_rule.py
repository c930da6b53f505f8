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
    """Few bytes, branches, a concatenation: a plan's tensors soon get into each other's way."""
    b = graphs.Builder(np.random.default_rng(0))
    x = b.quantize((2, 3, 2))
    y = b.conv(x, 4, Window((1, 1)))
    z = b.depthwise(x, Window((1, 1)))
    c = b.concat(z, y)
    return b.finish(b.linear(b.adaptive_pool(c, (1, 1)), 3))


GRAPH = small()


def random_plan(rng: np.random.Generator, arena: int) -> MemoryPlan:
    """Tensors anywhere, alive or not."""
    plan = graphs.roomy_plan(GRAPH, rng)
    places = {name: replace(a, offset=int(rng.integers(0, arena - a.size + 1))) for name, a in plan.tensors.items()}
    sample = Allocation("arena", int(rng.integers(0, arena - plan.sample.size + 1)), plan.sample.size, -1, 0)
    return MemoryPlan(places, sample, arena, plan.ops)


def bytes_written(plan: MemoryPlan, index: int) -> set[int]:
    """Exactly the bytes that an op writes."""
    op = GRAPH.ops[index]
    place = plan.tensors[op.output]
    if not isinstance(op, Copy | Quantize):
        return set(range(place.offset, place.offset + place.size))
    to = op.view.destination
    return {place.offset + to.offset + i * to.row + j * to.column + k * to.depth for i, j, k in np.ndindex(*op.view.space)}


def bytes_read(plan: MemoryPlan, index: int) -> set[int]:
    places = [plan.tensors[name] for name in GRAPH.ops[index].inputs] or [plan.sample]
    return {byte for a in places for byte in range(a.offset, a.offset + a.size)}


def breaks_rule(plan: MemoryPlan) -> bool:
    """SPEC.md's rule byte by byte: some run of ops overwrites what it read from before the run."""
    written: set[int] = set()
    exposed: set[int] = set()
    for index, op in enumerate(plan.ops):
        exposed |= bytes_read(plan, index) - written
        written |= bytes_written(plan, index)
        if exposed & written:
            return True
        if op.commit_last:
            written, exposed = set(), set()
    return False


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32), slack=st.integers(0, 150))
def test_no_breaking_plan_opens(seed: int, slack: int) -> None:
    rng = np.random.default_rng(seed)
    plan = random_plan(rng, 60 + slack)
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


def test_parts_of_a_concatenation_need_no_commit() -> None:
    """The commit between two parts leaves the first part's bytes exposed in the second's run, but nobody overwrites them."""
    plan = graphs.roomy_plan(GRAPH)
    for committed in range(len(plan.ops)):
        ops = tuple(replace(op, commit_last=index == committed) for index, op in enumerate(plan.ops))
        Engine(write_blob(GRAPH, replace(plan, ops=ops)))
