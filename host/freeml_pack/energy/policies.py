"""When to answer, when to wait: what a simulated device does at each commit, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from freeml_pack.energy.policy import ANSWER, CONTINUE, SLEEP, Experience, decide
from freeml_pack.errors import PackError

__all__ = ["ANSWER", "CONTINUE", "POLICIES", "SLEEP", "Chooser", "Policy", "Situation", "find_policy"]

POLICIES = "never, fixed:N, heads, ours"


@dataclass(frozen=True)
class Situation:
    """Arguments of freeml.policy.decide, which see; `exit`: number of the exit at hand, from 0, None where there is no answer
    yet. Its confidence is the difference of the two highest int8 scores, as thresholds are; `likely`: the same as a
    probability; surplus: joules that the capacitor would have no room for until the next sample."""

    energy: float
    to_commit: float
    to_exit: float
    watts: float
    income: float
    exit: int | None
    confidence: float | None
    threshold: float
    likely: float | None
    time_left: float | None
    surplus: float
    sleep_watts: float
    charge: float
    restart: float


class Chooser:
    """A policy on a device, from a start of the device to the next power failure. Runs on to the last layer, whatever the
    energy."""

    def choose(self, now: Situation) -> int:
        """CONTINUE, ANSWER or SLEEP."""
        return CONTINUE

    def answered(self, number: int, likely: float) -> None:
        """Is told of each answer: number of the exit, from 0, of the last layer their count; how likely it is right."""


class _Fixed(Chooser):
    def __init__(self, depth: int) -> None:
        self._depth = depth

    def choose(self, now: Situation) -> int:
        return ANSWER if now.exit is not None and now.exit >= self._depth else CONTINUE


class _Heads(Chooser):
    def choose(self, now: Situation) -> int:
        return ANSWER if now.confidence is not None and now.confidence >= now.threshold else CONTINUE


class _Ours(Chooser):
    def __init__(self, joules: Sequence[float]) -> None:
        self._experience = Experience(joules)

    def choose(self, now: Situation) -> int:
        worthwhile = None
        if now.exit is not None and now.likely is not None:
            worthwhile = self._experience.worthwhile(now.exit, now.likely, now.surplus)
        return decide(
            energy=now.energy,
            to_commit=now.to_commit,
            to_exit=now.to_exit,
            watts=now.watts,
            income=now.income,
            confidence=now.confidence,
            threshold=now.threshold,
            time_left=now.time_left,
            worthwhile=worthwhile,
            sleep_watts=now.sleep_watts,
            charge=now.charge,
            restart=now.restart,
        )

    def answered(self, number: int, likely: float) -> None:
        self._experience.answered(number, likely)


@dataclass(frozen=True)
class Policy:
    """begin: a device starts; it is given the joules of each answer from its sample on, those of exits first. needs_exits:
    pointless for a blob without early exits."""

    name: str
    begin: Callable[[Sequence[float]], Chooser]
    needs_exits: bool


def find_policy(name: str) -> Policy:
    """never: on to the last layer, whatever the energy. fixed:N: the N-th exit answers, from 1. heads: the first exit that is
    confident enough, whatever the energy. ours: freeml.policy. PackError for other names."""
    kind, _, depth = name.partition(":")
    if kind == "fixed" and depth.isdecimal() and int(depth) > 0:
        return Policy(name, lambda _: _Fixed(int(depth) - 1), needs_exits=True)
    if name == "never":
        return Policy(name, lambda _: Chooser(), needs_exits=False)
    if name == "heads":
        return Policy(name, lambda _: _Heads(), needs_exits=True)
    if name == "ours":
        return Policy(name, _Ours, needs_exits=False)
    raise PackError(f"there is no policy {name!r}; choose among {POLICIES}")
