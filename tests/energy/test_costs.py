"""What the simulator takes a blob to cost is what the packer said of it."""

from __future__ import annotations

from dataclasses import replace

import graphs
import numpy as np
import pytest
from energy.benches import GRAPHS, MSP430, PLANS, make_blob
from freeml_pack.energy.board import make_board
from freeml_pack.energy.costs import plan_prices
from freeml_pack.energy.stretches import stretches
from freeml_pack.energy.weights import stored_weight
from freeml_pack.engine import Engine
from freeml_pack.errors import PackError
from freeml_pack.graph import Graph
from freeml_pack.inspection.network import read_network
from freeml_pack.plan import MemoryPlan, plan, plan_costs
from freeml_pack.plan.space import is_encoded
from freeml_pack.targets import load_target, target_names
from hypothesis import given, settings
from hypothesis import strategies as st

WATTS = 8e-3


def check(graph: Graph, memory: MemoryPlan, target_name: str) -> None:
    target = load_target(target_name)
    last = replace(memory.ops[-1], commit_last=True)  # the core commits there anyway, and the planner says so
    memory = replace(memory, ops=(*memory.ops[:-1], last))
    blob = make_blob(graph, memory, target_name)
    network = read_network(blob)
    prices, costs = plan_prices(blob, network, target, WATTS), plan_costs(graph, memory, target)
    joules = 1.0 if costs.unit == "J" else WATTS
    assert prices.inference == pytest.approx(joules * costs.inference, rel=1e-9)
    assert prices.boot == pytest.approx(joules * costs.recovery, rel=1e-9)
    assert len(prices.work) == len(prices.reload) == len(prices.commits) == network.steps
    engine = Engine(blob)
    found = stretches(network, prices, engine.exits)
    assert next(iter(found)) == (0, 0)
    assert all(tile < engine.op_tiles(op) for op, tile in found)
    assert sum(stretch.steps for stretch in found.values()) == network.steps
    assert len(found) == int(prices.commits.sum())
    worst = max(float(stretch.ends[-1]) for stretch in found.values())
    assert worst <= joules * costs.worst_interval * (1 + 1e-9)  # which counts loads that may be needed
    left = prices.inference - prices.start
    for stretch in found.values():
        assert stretch.to_exit == pytest.approx(left)
        assert stretch.to_commit == pytest.approx(stretch.joules)
        assert stretch.exit is None
        left -= stretch.joules


@pytest.mark.parametrize("target", target_names())
@pytest.mark.parametrize("arrangement", PLANS)
@pytest.mark.parametrize("name", GRAPHS)
def test_blob_costs_what_the_packer_says(name: str, arrangement: str, target: str) -> None:
    check(GRAPHS[name], PLANS[arrangement](GRAPHS[name], np.random.default_rng(3)), target)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["generic", "rp2040"]))
def test_plans_of_the_planner(seed: int, target: str) -> None:
    graph = graphs.every_kind(seed)
    check(graph, plan(graph, load_target(target)), target)


def test_a_reload_is_what_a_restart_in_a_block_costs() -> None:
    target = load_target("generic")  # streams its constants
    graph = GRAPHS["every kind"]
    blob = make_blob(graph, PLANS["tight"](graph, np.random.default_rng(1)))
    prices = plan_prices(blob, read_network(blob), target, WATTS)
    assert (prices.reload > 0).any()
    assert (prices.reload[0], prices.work[0]) == (0.0, prices.work[0])
    whole = load_target("msp430fr5994")
    assert not plan_prices(blob, read_network(blob), whole, WATTS).reload.any()


def test_encoded_weights_are_read_back() -> None:
    graph = GRAPHS["encoded"]
    for seed in range(5):
        blob = make_blob(graph, PLANS["roomy"](graph, np.random.default_rng(seed)))
        for index, (op, stored) in enumerate(zip(graph.ops, read_network(blob).ops, strict=True)):
            found = stored_weight(blob, index, stored)
            assert (found is not None) == is_encoded(op)
            if found is not None:
                assert op.q is not None
                assert np.array_equal(found, op.q.weight)  # type: ignore[arg-type]


def test_a_board_is_the_targets_unless_told_otherwise() -> None:
    target = load_target("msp430fr5994")
    board = make_board(target, volts_on=3.0, leakage=1e-6)
    assert (board.capacitance, board.volts_on, board.volts_full, board.leak_ohms) == (4.7e-3, 3.0, 3.0, pytest.approx(3e6))
    assert board.active_watts == pytest.approx(MSP430.prices.mac * 16e6 / MSP430.cycles_per_mac)
    assert board.charge() == pytest.approx(0.5 * 4.7e-3 * 5)
    with pytest.raises(PackError, match="--capacitance, --volts-on, --volts-off, --active-power"):
        make_board(load_target("generic"))
    with pytest.raises(PackError, match="--volts-full"):
        make_board(target, volts_full=2.5)
    with pytest.raises(PackError, match="--volts-off"):
        make_board(target, volts_off=3.0)
