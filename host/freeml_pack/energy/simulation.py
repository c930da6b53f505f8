"""One simulated device, from what describes it; all of it can be sent to another process or computer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from freeml_pack.energy.board import Board
from freeml_pack.energy.capacitor import Capacitor
from freeml_pack.energy.costs import PlanPrices
from freeml_pack.energy.device import Device, Habits
from freeml_pack.energy.policies import find_policy
from freeml_pack.energy.recorder import Recorder
from freeml_pack.energy.runlog import RunLog
from freeml_pack.energy.trace import PowerTrace
from freeml_pack.energy.workload import Samples
from freeml_pack.engine import Engine
from freeml_pack.inspection.network import Network


@dataclass(frozen=True, eq=False)
class Bench:
    """What all devices of a comparison have in common."""

    blob: bytes
    network: Network
    prices: PlanPrices
    samples: Samples
    habits: Habits
    seconds: float  # of each run
    seed: int


@dataclass(frozen=True, eq=False)
class Scenario:
    """device: number of the device. Number 0 begins with the trace and with the first sample, others somewhere; a number begins
    at the same place whatever its board and its policy, so that these can be compared."""

    trace: PowerTrace
    board: Board
    policy: str
    device: int = 0


_engine = lru_cache(maxsize=2)(Engine)


def simulate(bench: Bench, scenario: Scenario, recorder: Recorder | None = None) -> RunLog:
    """The same bench and scenario give the same log. The capacitor begins at volts_off, the journal blank."""
    rng = np.random.default_rng([bench.seed, scenario.device])
    offset, first_sample = 0.0, 0
    if scenario.device:
        offset = scenario.trace.duration * rng.random()
        first_sample = int(rng.integers(len(bench.samples)))
    board = scenario.board
    capacitor = Capacitor(
        board.capacitance, board.volts_off, board.volts_full, board.leak_ohms, trace=scenario.trace, offset=offset
    )
    device = Device(
        _engine(bench.blob),
        bench.network,
        bench.prices,
        board,
        capacitor,
        find_policy(scenario.policy),
        bench.samples,
        bench.habits,
        rng,
        first_sample,
        recorder,
    )
    return device.run(bench.seconds)
