"""What happened to a simulated device."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from freeml_pack.energy.capacitor import EnergyBalance

PURPOSES = ("starts", "steps", "commits", "lost", "sleep")
"""What energy goes into: from power-on to the first step; steps that a commit made count; commits, those of a start included;
work that a power failure undid or the end cut short; waiting."""


@dataclass(frozen=True)
class Answer:
    """sample: number of the sample, from 0. scores: int8. truth: None where no label is known."""

    sample: int
    scores: bytes
    label: int
    truth: int | None
    exit: int | None  # number of the early exit that answered; None: the last layer
    taken_s: float  # when the sample was taken
    answered_s: float
    cuts: int  # power failures between these
    replayed_steps: int  # steps that ran again
    joules: float  # that the device took between these

    @property
    def latency(self) -> float:
        """Seconds."""
        return self.answered_s - self.taken_s


@dataclass
class RunLog:
    """Of one device. Energy in joules, times in seconds since the beginning."""

    seconds: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    missed: int = 0  # samples that were due while the device was off or busy
    boots: int = 0
    cuts: int = 0  # power failures
    torn: int = 0  # of them in the middle of a step or a commit
    sleeps: int = 0  # times that the policy chose to wait for energy
    steps: int = 0  # those that ran again included
    replayed_steps: int = 0
    commits: int = 0
    no_progress: bool = False  # the core has reported FML_NO_PROGRESS
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PURPOSES, 0.0))
    balance: EnergyBalance | None = None  # at the end

    def accuracy(self) -> float | None:
        """Share of right answers, 0 to 1; None where no label is known, or no answer."""
        judged = [answer.label == answer.truth for answer in self.answers if answer.truth is not None]
        return sum(judged) / len(judged) if judged else None

    def latencies(self) -> np.ndarray:
        """float64 [answers], seconds."""
        return np.array([answer.latency for answer in self.answers])
