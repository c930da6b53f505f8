"""Simulated devices give the answers of an uninterrupted core, and account for every step and joule."""

from __future__ import annotations

import numpy as np
import pytest
from energy.benches import GRAPHS, PLANS, QUICK, board, bursts, make_bench, make_blob
from freeml_pack.energy.device import Habits
from freeml_pack.energy.recorder import Recorder
from freeml_pack.energy.runlog import RunLog
from freeml_pack.energy.simulation import Bench, Scenario, simulate
from freeml_pack.energy.synthetic import synthetic_trace
from freeml_pack.energy.torn import tear
from freeml_pack.engine import Engine
from hypothesis import given, settings
from hypothesis import strategies as st


def check_log(bench: Bench, log: RunLog) -> None:
    expected = Engine(bench.blob).run_exits(bench.samples.bytes)
    for answer in log.answers:
        exit = -1 if answer.exit is None else answer.exit
        assert answer.scores == expected[answer.sample % len(expected), exit].tobytes()
        assert 0 <= answer.taken_s < answer.answered_s <= bench.seconds + 1e-9
        assert answer.joules > 0
    assert [answer.sample for answer in log.answers] == sorted({answer.sample for answer in log.answers})
    complete = sum(answer.exit is None for answer in log.answers)
    unfinished = log.steps - log.replayed_steps - bench.network.steps * complete
    assert 0 <= unfinished <= bench.network.steps * (len(log.answers) - complete + 1)
    assert log.cuts <= log.boots <= log.cuts + 1
    assert log.seconds == pytest.approx(bench.seconds)
    assert log.balance is not None
    assert sum(log.spent.values()) == pytest.approx(log.balance.consumed, rel=1e-6)
    assert min(log.spent.values()) >= 0


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(list(GRAPHS)),
    st.sampled_from(list(PLANS)),
    st.integers(0, 1000),
    st.floats(30e-6, 500e-6),
    st.floats(50e-6, 8e-3),
    st.sampled_from(["never", "ours"]),
    st.sampled_from([Habits(), Habits(every=0.3), Habits(deadline=0.1)]),
)
def test_no_power_cut_changes_an_answer(
    graph: str, plan: str, seed: int, charge: float, watts: float, policy: str, habits: Habits
) -> None:
    blob = make_blob(GRAPHS[graph], PLANS[plan](GRAPHS[graph], np.random.default_rng(seed)))
    bench = make_bench(blob, seconds=5.0, seed=seed, habits=habits)
    scenario = Scenario(bursts(seed, watts), board(charge), policy)
    log = simulate(bench, scenario)
    check_log(bench, log)
    assert simulate(bench, scenario) == log


def starved(policy: str, charge: float = 150e-6, seconds: float = 60.0) -> tuple[Bench, RunLog]:
    graph = GRAPHS["every kind"]
    bench = make_bench(make_blob(graph, PLANS["tight"](graph, np.random.default_rng(1))), seconds=seconds)
    return bench, simulate(bench, Scenario(bursts(5), board(charge), policy))


def test_power_fails_often_and_inside_steps_and_the_answers_keep_coming() -> None:
    bench, log = starved("never")
    check_log(bench, log)
    assert len(log.answers) > 20
    assert log.cuts > 50
    assert log.torn > 25
    assert log.replayed_steps > 50
    assert max(answer.cuts for answer in log.answers) >= 1
    assert sum(answer.replayed_steps for answer in log.answers) <= log.replayed_steps
    assert not log.no_progress


def test_sleeping_spares_starts_and_repeated_work() -> None:
    _, never = starved("never")
    bench, ours = starved("ours")
    check_log(bench, ours)
    assert ours.sleeps > 0
    assert ours.replayed_steps < never.replayed_steps / 10
    assert ours.cuts < never.cuts / 2
    assert len(ours.answers) > len(never.answers)


def test_a_charge_below_an_interval_makes_no_progress_and_says_so() -> None:
    graph = GRAPHS["every kind"]
    memory = PLANS["roomy"](graph)
    bench = make_bench(make_blob(graph, memory), seconds=60)
    interval = max(float(bench.prices.work.max()), bench.prices.commit)
    log = simulate(bench, Scenario(bursts(1, 200e-6), board(bench.prices.boot + 0.5 * interval), "never"))
    check_log(bench, log)
    assert not log.answers
    assert log.no_progress


def test_enough_power_means_no_cut_and_the_time_that_the_prices_say() -> None:
    graph = GRAPHS["chain"]
    bench = make_bench(make_blob(graph, PLANS["roomy"](graph)), seconds=30)
    supply = synthetic_trace("constant:20mW", 0)
    assert supply is not None
    log = simulate(bench, Scenario(supply, board(1e-3), "never"))
    check_log(bench, log)
    assert (log.cuts, log.torn, log.replayed_steps, log.boots) == (0, 0, 0, 1)
    watts = board(1e-3).active_watts
    assert log.answers[0].latency == pytest.approx(bench.prices.inference / watts)
    assert log.answers[0].joules == pytest.approx(bench.prices.inference)
    assert log.balance is not None
    assert log.balance.shunted > 0


def test_samples_come_at_their_time_and_those_that_nobody_took_are_missed() -> None:
    graph = GRAPHS["every kind"]
    bench = make_bench(make_blob(graph, PLANS["roomy"](graph)), seconds=60, habits=Habits(every=0.5))
    log = simulate(bench, Scenario(bursts(3, 0.4e-3), board(150e-6), "never"))
    check_log(bench, log)
    assert log.missed > 0
    assert len(log.answers) + log.missed <= 60 / 0.5 + 1
    for answer in log.answers:
        assert answer.taken_s >= 0.5 * answer.sample - 1e-9


def test_devices_begin_at_other_places_but_alike_under_each_policy() -> None:
    graph = GRAPHS["chain"]
    bench = make_bench(make_blob(graph, PLANS["roomy"](graph)), seconds=5)
    logs = {
        (device, policy): simulate(bench, Scenario(bursts(2), board(1e-4), policy, device))
        for device in (0, 1, 2)
        for policy in ("never", "ours")
    }
    firsts = {key: log.answers[0].sample for key, log in logs.items()}
    assert firsts[0, "never"] == 0
    assert all(firsts[device, "never"] == firsts[device, "ours"] for device in (0, 1, 2))
    assert len({round(log.balance.harvested, 12) for log in logs.values() if log.balance}) == 3
    for log in logs.values():
        check_log(bench, log)


def test_recording_changes_nothing_and_shows_all() -> None:
    graph = GRAPHS["every kind"]
    bench = make_bench(make_blob(graph, PLANS["tight"](graph)), seconds=10)
    scenario = Scenario(bursts(5), board(150e-6), "never")
    recorder = Recorder(2.0, 8.0)
    log = simulate(bench, scenario, recorder)
    assert log == simulate(bench, scenario)
    times = [time for time, _ in recorder.curve]
    assert times == sorted(times)
    assert times[0] <= 2.0
    assert times[-1] >= 8.0
    volts = [volts for _, volts in recorder.curve]
    assert min(volts) >= scenario.board.volts_off - 0.01  # it leaks while it is off
    assert max(volts) <= scenario.board.volts_full + 1e-6
    answered = [answer.answered_s for answer in log.answers if 2 <= answer.answered_s <= 8]
    assert [time for time, _ in recorder.marks["answer"]] == answered
    assert all(volts == pytest.approx(scenario.board.volts_off) for _, volts in recorder.marks["cut"])
    assert {what for what, _, _ in recorder.spans} == {"off", "starts", "steps", "commits"}
    inside = [end for _, begin, end in recorder.spans if begin >= 2.0]
    assert inside == sorted(inside)


@pytest.mark.parametrize("first_slot", [0, 1])
def test_torn_writes_come_in_their_order(first_slot: int) -> None:
    before, after = bytes(64 + 600), bytes([1]) * 664
    rng = np.random.default_rng(0)
    first = slice(32 * first_slot, 32 * first_slot + 32)
    second = slice(32 - 32 * first_slot, 64 - 32 * first_slot)
    step = tear(before, after, first_slot, 0.0, rng)
    assert step[:64] == before[:64]
    assert {0, 1} < set(step[64:])
    early = tear(before, after, first_slot, 0.3, rng)
    assert (early[64:], early[second]) == (after[64:], before[second])
    assert {0, 1} < set(early[first])
    late = tear(before, after, first_slot, 0.7, rng)
    assert (late[64:], late[first]) == (after[64:], after[first])
    assert {0, 1} < set(late[second])


def test_torn_writes_touch_only_what_changes() -> None:
    before = np.random.default_rng(1).integers(0, 256, 700, np.uint8)
    after = before.copy()
    after[100:200] += 1
    torn = np.frombuffer(tear(before.tobytes(), after.tobytes(), 0, 0.0, np.random.default_rng(0)), np.uint8)
    assert (torn[:100] == before[:100]).all()
    assert (torn[200:] == before[200:]).all()


def test_quick_board_is_cut_where_it_should_be() -> None:
    """Or the tests above test less than they say."""
    bench, log = starved("never")
    assert QUICK.prices.commit * 20 < board(150e-6).charge()
    assert bench.prices.boot < board(150e-6).charge() / 5
    assert log.spent["lost"] > 0.01 * sum(log.spent.values())
