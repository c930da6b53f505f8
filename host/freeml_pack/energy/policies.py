"""When to answer, when to wait: what a simulated device does at each commit, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from freeml_pack.energy.policy import ANSWER, CONTINUE, SLEEP, decide
from freeml_pack.errors import PackError

__all__ = ["ANSWER", "CONTINUE", "POLICIES", "SLEEP", "Policy", "Situation", "find_policy"]

POLICIES = "never, fixed:N, heads, ours"


@dataclass(frozen=True)
class Situation:
    """Arguments of freeml.policy.decide, which see; `exit`: number of the exit at hand, None where there is no answer yet. Its
    confidence is the difference of the two highest int8 scores, as thresholds are."""

    energy: float
    to_commit: float
    to_exit: float
    watts: float
    income: float
    exit: int | None
    confidence: float | None
    threshold: float
    time_left: float | None


Choice = Callable[[Situation], int]


@dataclass(frozen=True)
class Policy:
    """needs_exits: pointless for a blob without early exits."""

    name: str
    choose: Choice
    needs_exits: bool


def find_policy(name: str) -> Policy:
    """never: on to the last layer, whatever the energy. fixed:N: the N-th exit answers, from 1. heads: the first exit that is
    confident enough, whatever the energy. ours: freeml.policy.decide. PackError for other names."""
    kind, _, depth = name.partition(":")
    if kind == "fixed" and depth.isdecimal() and int(depth) > 0:
        return Policy(name, _fixed(int(depth) - 1), needs_exits=True)
    if name == "never":
        return Policy(name, lambda _: CONTINUE, needs_exits=False)
    if name == "heads":
        return Policy(name, _heads, needs_exits=True)
    if name == "ours":
        return Policy(name, _ours, needs_exits=False)
    raise PackError(f"there is no policy {name!r}; choose among {POLICIES}")


def _fixed(depth: int) -> Choice:
    return lambda now: ANSWER if now.exit is not None and now.exit >= depth else CONTINUE


def _heads(now: Situation) -> int:
    return ANSWER if now.confidence is not None and now.confidence >= now.threshold else CONTINUE


def _ours(now: Situation) -> int:
    return decide(
        energy=now.energy,
        to_commit=now.to_commit,
        to_exit=now.to_exit,
        watts=now.watts,
        income=now.income,
        confidence=now.confidence,
        threshold=now.threshold,
        time_left=now.time_left,
    )
