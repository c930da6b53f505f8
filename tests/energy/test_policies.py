"""The device's policy, case by case, and what the simulator makes of each name."""

from __future__ import annotations

from math import inf

import pytest
from freeml_pack.energy.policies import Situation, find_policy
from freeml_pack.energy.policy import ANSWER, CONTINUE, SLEEP, Experience, decide, seconds, sleeping
from freeml_pack.errors import PackError
from hypothesis import given
from hypothesis import strategies as st

W = 5e-3


@pytest.mark.parametrize(
    ("arguments", "choice"),
    [
        ({"energy": 3}, CONTINUE),  # no answer yet, the next commit is in reach
        ({"energy": 1}, CONTINUE),  # just
        ({"energy": 0.9}, SLEEP),  # not: working would be for nothing
        ({"energy": 0.9, "time_left": 0.0}, SLEEP),  # late, but there is nothing to answer
        ({"energy": 9, "confidence": 0.9, "threshold": 0.8}, ANSWER),  # sure enough, whatever the energy
        ({"energy": 9, "confidence": 0.7, "threshold": 0.8}, CONTINUE),  # not, and the next exit is in reach
        ({"energy": 4.9, "confidence": 0.7, "threshold": 0.8}, ANSWER),  # not, but this charge does not reach the next exit
        ({"energy": 4.9, "confidence": 0.7, "threshold": 0.8, "time_left": inf}, CONTINUE),  # no hurry: on to the commit
        ({"energy": 0.9, "confidence": 0.7, "threshold": 0.8, "time_left": inf, "income": 1e-3}, SLEEP),  # and wait there
        ({"energy": 0.9, "confidence": 0.7, "threshold": 0.8, "time_left": inf}, SLEEP),
        (
            {"energy": 4.9, "confidence": 0.7, "threshold": 0.8, "time_left": 1e9},
            ANSWER,
        ),  # nothing comes in: the wait is endless
        (
            {"energy": 9, "confidence": 0.7, "threshold": 0.8, "time_left": 999.0},
            ANSWER,
        ),  # energy, but not the time for 5 J at 5 mW
        ({"energy": 9, "confidence": 0.7, "threshold": 0.8, "time_left": 1001.0}, CONTINUE),
        ({"energy": 0, "confidence": 0.0, "threshold": 0.0}, ANSWER),
        ({"energy": 4.9, "confidence": 0.7, "threshold": 0.8, "worthwhile": True}, CONTINUE),  # in the next life, if need be
        ({"energy": 9, "confidence": 0.7, "threshold": 0.8, "worthwhile": False}, ANSWER),
        ({"energy": 9, "worthwhile": False}, CONTINUE),  # there is nothing to answer
        (
            {"energy": 9, "confidence": 0.7, "threshold": 0.8, "worthwhile": True, "time_left": 999.0},
            ANSWER,
        ),  # too late for that
        # Sleep takes 1 uW of 1 mW, 0.1 J while 100 J are stored; to be off, what is left and a start.
        ({"energy": 0.05, "income": 1e-3, "sleep_watts": 1e-6, "charge": 100, "restart": 0.04}, CONTINUE),
        ({"energy": 0.05, "income": 1e-3, "sleep_watts": 1e-6, "charge": 100, "restart": 0.06}, SLEEP),
        ({"energy": 0.07, "income": 1e-3, "sleep_watts": 1e-6, "charge": 100, "restart": 0.04}, SLEEP),
        ({"energy": 0.05, "income": 1e-3, "sleep_watts": 1e-6, "charge": 10, "restart": 0.04}, SLEEP),  # small: full soon
        ({"energy": 0.05, "income": 1e-3, "sleep_watts": 1e-6, "charge": 100, "restart": 0.04, "time_left": 1e6}, SLEEP),
        ({"energy": 0.9, "income": 1e-6, "sleep_watts": 2e-6, "charge": 100, "restart": 0.04}, CONTINUE),  # power fails anyway
        ({"energy": 0.9, "sleep_watts": 2e-6, "charge": 100, "restart": 0.04}, SLEEP),  # nothing is known of what comes in
    ],
)
def test_decide(arguments: dict[str, float], choice: int) -> None:
    assert decide(to_commit=1, to_exit=5, watts=W, **arguments) == choice


def test_time_until_work_is_done_counts_charging() -> None:
    assert seconds(5, 5, W) == pytest.approx(1000)
    assert seconds(3, 5, W) == inf
    assert seconds(3, 5, W, income=1e-3) == pytest.approx(2 / 1e-3)  # all that comes in until then is just enough
    assert seconds(3, 5, W, income=4e-3) == pytest.approx(1000)  # enough comes in while it works


def test_sleep_takes_its_share_of_what_comes_in() -> None:
    assert sleeping(6, 1e-6, 4e-6) == pytest.approx(2)  # 2 s a uJ, while 3 uW are stored
    assert sleeping(6, 1e-6, 1e-6) == inf
    assert sleeping(6, 1e-6, 0.0) == sleeping(6, 0.0, 1e-6) == 0


amounts = st.floats(0, 100)


@given(amounts, st.floats(1e-6, 100), st.floats(1e-3, 1), st.floats(1e-3, 1))
def test_time_is_what_it_takes_to_have_the_joules(energy: float, joules: float, watts: float, income: float) -> None:
    time = seconds(energy, joules, watts, income)
    assert time >= joules / watts
    assert energy + income * time >= joules * (1 - 1e-9)
    if time > joules / watts * (1 + 1e-9):
        assert energy + income * time == pytest.approx(joules)


@given(
    amounts, amounts, amounts, st.floats(1e-3, 1), st.floats(0, 1), st.none() | st.floats(0, 1), st.none() | st.floats(0, 1e4)
)
def test_more_energy_never_turns_work_into_waiting(
    energy: float, to_commit: float, more: float, watts: float, income: float, confidence: float | None, time_left: float | None
) -> None:
    def choose(energy: float) -> int:
        return decide(energy, to_commit, to_commit + 1, watts, income, confidence, 0.9, time_left)

    poor, rich = choose(energy), choose(energy + more)
    if poor == CONTINUE:
        assert rich == CONTINUE
    if confidence is None:
        assert ANSWER not in (poor, rich)
    elif confidence >= 0.9:
        assert poor == rich == ANSWER


def situation(**changes: float | None) -> Situation:
    plain: dict[str, float | None] = {"energy": 0.5, "to_commit": 1.0, "to_exit": 5.0, "watts": W, "income": 0.0, "exit": None}
    plain |= {"confidence": None, "threshold": 0.8, "time_left": None, "likely": None, "surplus": 0.0}
    plain |= {"sleep_watts": 0.0, "charge": 0.0, "restart": 0.0}
    return Situation(**(plain | changes))  # type: ignore[arg-type]


def test_policies_by_name() -> None:
    names = ("never", "fixed:2", "heads", "ours")
    never, second, heads, ours = (find_policy(name).begin([1.0, 5.0, 9.0]).choose for name in names)
    sure, unsure = situation(exit=0, confidence=0.9), situation(exit=1, confidence=0.5)
    assert [never(sure), never(situation())] == [CONTINUE, CONTINUE]
    assert [second(situation()), second(sure), second(unsure)] == [CONTINUE, CONTINUE, ANSWER]
    assert [heads(situation()), heads(sure), heads(unsure)] == [CONTINUE, ANSWER, CONTINUE]
    assert [ours(situation()), ours(sure), ours(unsure)] == [SLEEP, ANSWER, ANSWER]
    assert [find_policy(name).needs_exits for name in ("never", "ours", "heads", "fixed:1")] == [False, False, True, True]


def learned(*answers: tuple[int, float]) -> Experience:
    """Of answers that take 1, 2 and 4 J."""
    experience = Experience([1.0, 2.0, 4.0])
    for number, confidence in answers:
        experience.answered(number, confidence)
    return experience


def test_going_on_must_be_worth_its_energy() -> None:
    known = learned(*[(0, 0.5)] * 200, *[(2, 0.95)] * 8, *[(0, 0.5)] * 200)  # 0.5 right answers a joule
    assert not known.worthwhile(0, 0.5), "1 J more for the second exit would bring 0.5 answers with other samples"
    assert known.worthwhile(0, 0.1)
    assert known.worthwhile(0, 0.5, surplus=10.0), "energy that would be lost costs nothing"
    assert not known.worthwhile(2, 0.0, surplus=10.0), "nothing comes behind the last layer"


def test_cheap_answers_make_energy_dear() -> None:
    poor, rich = learned(*[(2, 0.9)] * 100), learned(*[(0, 0.9)] * 100)  # 0.22 and 0.9 right answers a joule
    assert poor.worthwhile(0, 0.5)
    assert not rich.worthwhile(0, 0.5)


def test_later_answers_that_are_no_better_are_left() -> None:
    weak = learned(*[(1, 0.4), (2, 0.45)] * 100)
    assert not weak.worthwhile(0, 0.5, surplus=10.0)
    assert weak.worthwhile(0, 0.3, surplus=10.0)


def test_a_few_answers_are_enough_to_give_up_hope() -> None:
    hopeful, taught = learned(*[(0, 0.5)] * 100), learned(*[(0, 0.5)] * 100, *[(1, 0.4)] * 3)
    assert hopeful.worthwhile(0, 0.2)
    assert not taught.worthwhile(0, 0.2)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 5), st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1)), max_size=40))
def test_surer_answers_are_sooner_given(
    confidence: float, more: float, surplus: float, answers: list[tuple[int, float]]
) -> None:
    experience = learned(*answers)
    if experience.worthwhile(0, min(1.0, confidence + more), surplus):
        assert experience.worthwhile(0, confidence, surplus)


@pytest.mark.parametrize("name", ["", "always", "fixed", "fixed:0", "fixed:-1", "fixed:x", "never:1", "ours "])
def test_other_names(name: str) -> None:
    with pytest.raises(PackError, match="choose among"):
        find_policy(name)
