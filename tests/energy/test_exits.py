"""Simulated devices that answer from early exits."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import graphs
import numpy as np
import pytest
from energy.benches import QUICK, board, bursts, make_bench, make_blob
from energy.test_device import check_log
from freeml_pack.energy.device import Habits
from freeml_pack.energy.runlog import RunLog
from freeml_pack.energy.simulation import Bench, Scenario, simulate
from freeml_pack.energy.stretches import stretches
from freeml_pack.engine import Engine
from freeml_pack.graph import NEVER
from freeml_pack.plan import plan_costs

NEVER_BY_THEMSELVES = graphs.with_exits().with_(
    exits=tuple(replace(exit, threshold=NEVER) for exit in graphs.with_exits().exits)
)


def run(policy: str, graph: graphs.Graph, habits: Habits | None = None, seed: int = 0) -> tuple[Bench, RunLog]:
    blob = make_blob(graph, graphs.tight_plan(graph, np.random.default_rng(seed)))
    bench = make_bench(blob, seconds=20.0, seed=seed, habits=habits)
    log = simulate(bench, Scenario(bursts(seed, 1e-3), board(300e-6), policy))
    check_log(bench, log)
    return bench, log


@pytest.mark.parametrize("policy", ["never", "fixed:1", "fixed:3", "heads", "ours"])
@pytest.mark.parametrize("seed", range(3))
def test_power_cuts_change_no_answer(policy: str, seed: int) -> None:
    """Those that come while an exit is taken included."""
    _, log = run(policy, graphs.with_exits(), seed=seed)
    assert len(log.answers) > 4
    assert log.cuts > 5


def test_policies_take_their_exits() -> None:
    seen = {policy: {answer.exit for answer in run(policy, graphs.with_exits())[1].answers} for policy in ("never", "fixed:2")}
    assert seen == {"never": {None}, "fixed:2": {1}}
    assert {answer.exit for answer in run("heads", graphs.with_exits())[1].answers} == {0}, "its threshold is 0"
    assert {answer.exit for answer in run("heads", NEVER_BY_THEMSELVES)[1].answers} == {None}


def test_when_energy_drops_the_exit_at_hand_answers() -> None:
    """ours, with exits that are never sure enough, answers from them all the same, and sooner than the whole network."""
    _, ours = run("ours", NEVER_BY_THEMSELVES)
    _, never = run("never", NEVER_BY_THEMSELVES)
    assert {answer.exit for answer in ours.answers} - {None}
    assert len(ours.answers) > len(never.answers)


def test_stretches_end_at_exits() -> None:
    """What remains until the next answer falls from one exit to the next; the whole costs what the packer says."""
    graph = graphs.with_exits()
    plan = graphs.tight_plan(graph, np.random.default_rng(0))
    blob = make_blob(graph, plan)
    bench, engine = make_bench(blob), Engine(blob)
    assert bench.prices.inference == pytest.approx(plan_costs(graph, plan, QUICK).inference)
    found = list(stretches(bench.network, bench.prices, engine.exits).values())
    assert sum(stretch.steps for stretch in found) == bench.network.steps
    assert sorted({stretch.exit for stretch in found if stretch.exit is not None}) == [0, 1, 2]
    for one, following in pairwise(found):
        if one.exit == following.exit:
            assert one.to_exit == pytest.approx(one.joules + following.to_exit)
        else:
            assert one.to_exit == pytest.approx(one.joules)
