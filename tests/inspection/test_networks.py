"""What is said of a blob is what the graph, the plan and the core say."""

from __future__ import annotations

import graphs
import numpy as np
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine, Session
from freeml_pack.graph import op_macs
from freeml_pack.inspection.memory_map import memory_map
from freeml_pack.inspection.network import Network, read_network
from freeml_pack.plan import plan
from freeml_pack.targets import load_target
from inspection.images import GRAPH


def network(seed: int) -> tuple[Network, Engine]:
    blob = write_blob(GRAPH, graphs.tight_plan(GRAPH, np.random.default_rng(seed)))
    return read_network(blob), Engine(blob)


@pytest.mark.parametrize("name", ["generic", "msp430fr5994", "stm32l4"])
def test_it_is_the_graph_and_the_plan(name: str) -> None:
    memory_plan = plan(GRAPH, load_target(name))
    found = read_network(write_blob(GRAPH, memory_plan, name))
    assert (found.name, found.target) == (GRAPH.name, name)
    assert (found.sample_type, found.sample_shape) == (GRAPH.sample.type, GRAPH.sample.shape)
    assert (found.sample, found.arena_size) == (memory_plan.sample, memory_plan.arena_size)
    assert [op.macs for op in found.ops] == [op_macs(GRAPH, op) for op in GRAPH.ops]
    assert tuple(op.plan for op in found.ops) == memory_plan.ops
    for op, original in zip(found.ops, GRAPH.ops, strict=True):
        tensor, place = found.tensors[op.output], memory_plan.tensors[original.output]
        quant = GRAPH.tensors[original.output].quant
        assert tensor.shape == GRAPH.tensors[original.output].shape
        assert (tensor.place.offset, tensor.place.size, tensor.place.first_op) == (place.offset, place.size, place.first_op)
        assert tensor.place.last_op == min(place.last_op, len(GRAPH.ops) - 1)
        assert quant is not None
        assert (tensor.scale, tensor.zero_point) == (np.float32(quant.scale), quant.zero_point)
        assert [found.tensors[index].shape for index in op.inputs] == [GRAPH.tensors[x].shape for x in original.inputs]


@pytest.mark.parametrize("seed", range(8))
def test_commits_are_those_of_the_core(seed: int) -> None:
    found, engine = network(seed)
    session = Session(engine, bytearray(engine.nvm_size))
    session.start(bytes(engine.sample_size))
    expected, commits, done = [], session.commits, False
    while not done:
        done = session.step(1)
        expected.append(session.commits > commits)
        commits = session.commits
    assert [bool(follows) for op in found.ops for follows in op.step_commits()] == expected
    assert [op.steps for op in found.ops] == [engine.op_tiles(op) for op in range(engine.op_count)]
    assert (found.steps, found.commits) == (len(expected), sum(expected))


@pytest.mark.parametrize("seed", range(8))
def test_intervals(seed: int) -> None:
    """Against the plain walk over all steps."""
    found, _ = network(seed)
    starts, costs, macs = [0], [0], 0
    for step, (cost, commits) in enumerate(
        (m, c) for op in found.ops for m, c in zip(op.step_macs(), op.step_commits(), strict=True)
    ):
        macs += int(cost)
        costs[-1] += int(cost)
        if commits:
            starts.append(step + 1)
            costs.append(0)
    assert macs == found.macs
    for start, end, cost in zip(starts, starts[1:], costs, strict=False):
        interval = found.interval(start)
        assert (interval.first_step, interval.last_step, interval.macs) == (start, end - 1, cost)
        for step, op in ((start, interval.first_op), (end - 1, interval.last_op)):
            assert found.first_steps[op] <= step < found.first_steps[op + 1]
    assert found.dearest_interval().macs == max(costs)


@pytest.mark.parametrize("width", [20, 79, 80, 120])
def test_memory_map_shows_who_lives_where(width: int) -> None:
    found, _ = network(1)
    lines = memory_map(found, width).plain.split("\n")
    assert all(len(line) <= width for line in lines)
    if width < 79:
        return  # several operators share a column
    for line in lines[1:]:
        words = line.split()
        offset = int(words[0].replace(",", ""))
        for op, name in enumerate(words[1:]):
            place = found.sample if name == "S" else None if name == "·" else found.tensors[int(name)].place
            if place:
                assert place.first_op <= op <= place.last_op
                assert place.offset < offset + found.arena_size / 16 + 1
                assert place.end > offset
