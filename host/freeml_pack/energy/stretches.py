"""An inference in stretches: from each commit, or exit, to the next one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from freeml_pack.energy.costs import PlanPrices
from freeml_pack.engine import Exit
from freeml_pack.inspection.network import Network


@dataclass(frozen=True, eq=False)
class Stretch:
    """Steps that run without a look at the energy. Joules."""

    steps: int
    ends: np.ndarray  # float64 [steps]: spent when each step is done, the commit behind the last one not included
    commit: float  # that commit, 0 where an exit ends the stretch
    reload: float  # in addition, where power came back just before
    to_commit: float  # from the stretch's begin until progress is safe
    to_exit: float  # from there until the next answer
    exit: int | None  # number of the last exit before it

    @property
    def joules(self) -> float:
        return float(self.ends[-1]) + self.commit


def answer_joules(network: Network, prices: PlanPrices, exits: tuple[Exit, ...]) -> list[float]:
    """Of each answer without power failures, from the sample on: of the exits, of the last layer."""
    steps = [int(network.first_steps[exit.op + 1]) for exit in exits]
    until = np.cumsum(prices.work + prices.commit * prices.commits)
    return [*(float(prices.start + until[count - 1] + prices.commit) for count in steps), prices.inference]


def stretches(network: Network, prices: PlanPrices, exits: tuple[Exit, ...]) -> dict[tuple[int, int], Stretch]:
    """By the operator and tile that each begins with."""
    first_steps, count = network.first_steps, network.steps
    exit_ends = [int(first_steps[exit.op + 1]) for exit in exits]
    bounds = sorted({0, *(int(step) + 1 for step in np.flatnonzero(prices.commits)), *exit_ends, count})
    before = np.concatenate([[0.0], np.cumsum(prices.work + prices.commit * prices.commits)])
    found = {}
    for begin, end in pairwise(bounds):
        op = int(np.searchsorted(first_steps, begin, side="right")) - 1
        safe = begin + int(np.argmax(prices.commits[begin:])) + 1
        answer = min(step for step in (*exit_ends, count) if step > begin)
        passed = sum(step <= begin for step in exit_ends)
        found[op, begin - int(first_steps[op])] = Stretch(
            steps=end - begin,
            ends=np.cumsum(prices.work[begin:end]),
            commit=prices.commit * bool(prices.commits[end - 1]),
            reload=float(prices.reload[begin]),
            to_commit=float(before[safe] - before[begin]),
            to_exit=float(before[answer] - before[begin]),
            exit=passed - 1 if passed else None,
        )
    return found
