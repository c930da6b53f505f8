"""Policies compared on simulated devices: every harvest trace, several capacitors, the real core on real samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from freeml_pack.energy import policy
from freeml_pack.energy.board import Board, make_board
from freeml_pack.energy.costs import plan_prices
from freeml_pack.energy.device import Habits
from freeml_pack.energy.fleet import run_local
from freeml_pack.energy.report import Row, rows
from freeml_pack.energy.simulation import Bench, Scenario
from freeml_pack.energy.trace import PowerTrace, load_trace
from freeml_pack.energy.workload import Samples, load_samples
from freeml_pack.files import write_whole
from freeml_pack.inspection.network import read_network
from freeml_pack.targets import load_target

TARGET = "msp430fr5994"
OURS = "ours"
_SAMPLES = 200  # that come again and again, so that all policies answer for the same ones


@dataclass(frozen=True)
class Cell:
    """One policy on one capacitor and trace. joules: that the device has consumed; hours: simulated; right: answers."""

    trace: str
    mean_watts: float
    capacitance: float
    policy: str
    answers: int
    right: int
    cuts: int
    joules: float
    hours: float

    @property
    def per_joule(self) -> float:
        return self.right / self.joules if self.joules else 0.0

    @property
    def per_hour(self) -> float:
        return self.right / self.hours


@dataclass(frozen=True, eq=False)
class Comparison:
    """What all simulations have in common."""

    bench: Bench
    boards: list[Board]
    policies: list[str]

    def simulate(self, trace: PowerTrace, jobs: int, progress: Callable[[int, int], None]) -> list[Cell]:
        scenarios = [Scenario(trace, board, policy) for board in self.boards for policy in self.policies]
        logs = run_local(self.bench, scenarios, jobs, progress)
        return [self._cell(trace, row) for row in rows(self.bench, scenarios, logs)]

    def _cell(self, trace: PowerTrace, row: Row) -> Cell:
        right = round((row.accuracy or 0.0) * row.answers)
        hours = self.bench.seconds / 3600
        counts = (row.answers, right, row.cuts)
        return Cell(trace.name, trace.mean_watts, row.capacitance, row.policy, *counts, row.consumed, hours)


def comparison(blob: bytes, npz: Path, capacitors: Sequence[float], hours: float) -> Comparison:
    """Samples follow each other without a pause, in an order by chance: how data sets are sorted is no matter of policies."""
    network, target = read_network(blob), load_target(TARGET)
    boards = [make_board(target, capacitance=farads) for farads in capacitors]
    prices = plan_prices(blob, network, target, boards[0].active_watts)
    samples = load_samples(str(npz), blob, network)
    chosen = np.random.default_rng(0).permutation(len(samples))[:_SAMPLES]
    assert samples.labels is not None
    few = Samples(samples.bytes[chosen], samples.labels[chosen])
    bench = Bench(blob, network, prices, few, Habits(), 3600 * hours, 0)
    fixed = [f"fixed:{number}" for number in range(1, len(network.exits) + 1)]
    return Comparison(bench, boards, ["never", *fixed, "heads", OURS])


def cells(
    compared: Comparison, traces: Sequence[Path], folder: Path, jobs: int, progress: Callable[[str, int, int], None]
) -> list[Cell]:
    """Of all traces; those that an earlier run has kept in `folder` are taken over."""
    found = []
    for path in traces:
        trace = load_trace(path)
        kept = folder / f"{trace.name}.json"
        key = _key(compared, path)
        state = json.loads(kept.read_text()) if kept.exists() else {}
        if state.get("key") != key:
            made = compared.simulate(trace, jobs, lambda done, total, name=trace.name: progress(name, done, total))
            state = {"key": key, "cells": [asdict(cell) for cell in made]}
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(kept, json.dumps(state, indent=1).encode())
        found += [Cell(**cell) for cell in state["cells"]]
    return found


def _key(compared: Comparison, trace: Path) -> str:
    """Of everything that decides the result, the policy included."""
    bench = compared.bench
    facts = (bench.seconds, bench.seed, bench.prices.inference, bench.prices.boot, compared.boards, compared.policies)
    contents = (bench.blob, bench.samples.bytes.tobytes(), trace.read_bytes(), Path(policy.__file__).read_bytes())
    return hashlib.sha256(b"".join((repr(facts).encode(), *contents))).hexdigest()[:16]
