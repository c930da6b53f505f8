"""Early exits on the simulated device: the host's bytes, by confidence and by what is left in the capacitor."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import graphs
import numpy as np
from firmware import answer, exit_of, submit
from freeml_pack.blob import write_blob
from freeml_pack.firmware import msp430
from freeml_pack.graph import NEVER, Graph
from freeml_pack.oracle import run_oracle
from freeml_pack.targets import load_target
from sim430 import Cut, Image, Sim430, Stop

LIFE = 100_000_000  # cycles
FULL, EMPTY = 2800, 1950  # mV


def blob_of(thresholds: tuple[int, int, int]) -> tuple[bytes, bytes, list[list[int]]]:
    """Blob, sample, scores: of the whole network first, then of each exit."""
    graph = with_thresholds(thresholds)
    sample = graphs.random_sample(graph)
    values = run_oracle(graph, np.frombuffer(sample, np.uint8)[None], trace=True)
    tensors = [graph.output, *(exit.tensor for exit in graph.exits)]
    blob = write_blob(graph, graphs.tight_plan(graph, np.random.default_rng(3)))
    return blob, sample, [values[name].reshape(-1).tolist() for name in tensors]


def with_thresholds(thresholds: tuple[int, int, int]) -> Graph:
    graph = graphs.with_exits()
    return graph.with_(exits=tuple(replace(e, threshold=t) for e, t in zip(graph.exits, thresholds, strict=True)))


def device(thresholds: tuple[int, int, int], common: msp430.Common, folder: Path) -> tuple[Sim430, list[list[int]]]:
    """A device with a sample, before power-on."""
    blob, sample, scores = blob_of(thresholds)
    msp430.build(blob, folder / "firmware.elf", common)
    machine = Sim430(Image.from_elf(folder / "firmware.elf"))
    submit(machine, sample, 9)
    return machine, scores


def answers(machine: Sim430, scores: list[list[int]], number: int) -> None:
    assert exit_of(machine) == number
    assert answer(machine) == (9, scores[number])


def margin(scores: list[int]) -> int:
    first, second = sorted(scores)[-2:][::-1]
    return first - second


def test_sure_exits_answer(common: msp430.Common, tmp_path: Path) -> None:
    _, _, scores = blob_of((NEVER, NEVER, NEVER))
    margins = [margin(exit) for exit in scores[1:]]
    assert max(margins) < NEVER
    for exit in range(4):
        unsure = [m + 1 for m in margins[: exit - 1 if exit else 3]]
        thresholds = [*unsure, *margins[len(unsure) : len(unsure) + 1], 0, 0][:3]
        machine, scores = device((thresholds[0], thresholds[1], thresholds[2]), common, tmp_path)
        assert machine.run(cycles=LIFE) is Stop.OFF
        answers(machine, scores, exit)
        machine.lose_power()
        machine.run(cycles=LIFE)
        answers(machine, scores, exit)  # found in the journal


def test_when_energy_ends_the_last_exit_answers(common: msp430.Common, tmp_path: Path) -> None:
    start, scores = device((NEVER, NEVER, NEVER), common, tmp_path)
    start.set_supply(FULL)
    whole = start.clone()
    assert whole.run(cycles=LIFE) is Stop.OFF
    answers(whole, scores, 0)
    total = whole.counters.cycles
    found = set()
    for share in range(0, 100, 4):
        machine = start.clone()
        machine.run(cycles=total * share // 100)
        machine.set_supply(EMPTY)
        assert machine.run(cycles=LIFE) is Stop.OFF
        number = exit_of(machine)
        answers(machine, scores, number)
        assert machine.counters.cycles <= total * 1.01 + 1000
        found.add(number)
    assert found >= {1, 2, 3}


def test_nothing_is_measured_before_there_is_an_exit(common: msp430.Common, tmp_path: Path) -> None:
    machine, scores = device((NEVER, NEVER, NEVER), common, tmp_path)
    machine.set_supply(EMPTY)
    assert machine.run(cycles=LIFE, halt="energy_is_below") is Stop.HALT
    machine.run(cycles=LIFE)
    answers(machine, scores, 1)


def test_power_fails_around_an_exit(common: msp430.Common, tmp_path: Path) -> None:
    """Any exit may answer then, but only one of them, and with its own bytes."""
    start, scores = device((NEVER, NEVER, NEVER), common, tmp_path)
    start.set_supply(FULL)
    whole = start.clone()
    whole.run(cycles=LIFE)
    rng, found = random.Random(1), set()
    for seed in range(150):
        machine = start.clone()
        machine.run(cycles=rng.randrange(whole.counters.cycles))
        machine.set_supply(rng.choice((FULL, EMPTY)))
        machine.cut_at_write(rng.randrange(1, 150), rng.choice(list(Cut)), seed)
        stop = machine.run(cycles=LIFE)
        number = exit_of(machine) if stop is Stop.OFF else None
        machine.lose_power(seed)
        machine.set_supply(rng.choice((FULL, EMPTY)))
        assert machine.run(cycles=LIFE) is Stop.OFF
        answers(machine, scores, exit_of(machine))
        assert number in (None, exit_of(machine))
        found.add(exit_of(machine))
    assert len(found) >= 3


def test_threshold_of_energy() -> None:
    """The supply at which the rest of a charge is what the dearest step, a commit and the message take."""
    from freeml_pack.inspection.network import read_network

    blob, _, _ = blob_of((NEVER, NEVER, NEVER))
    target = load_target("msp430fr5994")
    ops = read_network(blob).ops
    low = msp430.low_millivolts(ops, target)
    assert 2000 < low < 2100
    assert msp430.low_millivolts(ops, replace(target, prices=replace(target.prices, capacitance=47e-6))) > low + 100
    assert msp430.low_millivolts(ops, load_target("generic")) == 0
