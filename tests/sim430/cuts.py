"""Power failures between any two instructions of a run, SRAM and registers scrambled by each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import graphs
import numpy as np
from firmware import answer, exit_of, submit
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine
from freeml_pack.graph import Graph, Window
from sim430 import Sim430, Stop

COMMIT = "fml_journal_write"
AROUND = 40  # instructions before and after a commit that are cut, too
LIFE = 1_000_000_000  # cycles
TAG = 5


def small() -> Graph:
    """A convolution with a look-up table, a pool and a linear layer, so small that a thousand inferences take a second."""
    b = graphs.Builder(np.random.default_rng(11))
    x = b.conv(b.quantize((1, 4, 4)), 4, Window((3, 3)), lookup=True)
    return b.finish(b.linear(b.flatten(b.max_pool(x, Window((2, 1)))), 3))


def blob_of(graph: Graph) -> bytes:
    return write_blob(graph, graphs.tight_plan(graph, np.random.default_rng(3)))


def started(machine: Sim430, sample: bytes) -> Sim430:
    """A device that has verified its blob; at its reset vector, with a sample to infer."""
    machine = machine.clone()
    submit(machine, sample, 0)
    machine.run(cycles=LIFE)
    submit(machine, sample, TAG)
    machine.lose_power()
    return machine


def commits(start: Sim430) -> list[range]:
    """Instructions, counted from the start, of each commit on the way to the answer."""
    machine, found = start.clone(), []
    zero = machine.counters.instructions
    while machine.run(halt=COMMIT, cycles=LIFE) is Stop.HALT:
        begin = machine.counters.instructions - zero
        back = int.from_bytes(machine.read(machine.register(1), 2), "little")
        machine.run(halt=back, cycles=LIFE)
        found.append(range(begin, machine.counters.instructions - zero))
    return found


def around(windows: Iterable[range]) -> list[int]:
    """Every instruction in and around the windows, in order, each once."""
    return sorted({i for window in windows for i in range(max(window.start - AROUND, 0), window.stop + AROUND)})


def survivors(start: Sim430, blob: bytes, sample: bytes, instructions: Iterable[int]) -> Iterator[tuple[int, Sim430]]:
    """Cuts the power before each of these instructions, which are in order, and lets the device go on. Yields it with the
    number, once it has answered. AssertionError where it answers wrong, or not at all."""
    expected = (TAG, [int(score) for score in Engine(blob).run(sample)])
    undisturbed, at = start.clone(), 0
    for number in instructions:
        undisturbed.run(instructions=number - at)
        at = number
        machine = undisturbed.clone()
        machine.lose_power(number)
        assert machine.run(cycles=LIFE) is Stop.OFF, f"cut before instruction {number}"
        assert answer(machine) == expected, f"cut before instruction {number}"
        assert exit_of(machine) == 0
        yield number, machine
