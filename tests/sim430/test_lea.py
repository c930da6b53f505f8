"""The Low-Energy Accelerator: its model, and convolutions on it, which are the CPU's and the host's bit for bit."""

from __future__ import annotations

import struct
from pathlib import Path

import cuts
import graphs
import numpy as np
import pytest
from assembler import absolute, double, immediate, program, reg
from bench import execute
from firmware import answer, submit
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine
from freeml_pack.firmware import msp430
from freeml_pack.graph import Graph, Window
from sim430 import DeviceError, Image, Sim430, Stop

LIFE = 200_000_000  # cycles
CNF1, CNF2, TOP, CONTROL, SECOND, FIRST, COMMAND = (0xA80 + at for at in (0x08, 0x0C, 0x14, 0x40, 0x48, 0x4C, 0x50))
X, Y, RESULT, PARAMETERS = 0x2C00, 0x2D00, 0x2E00, 0x2E10


@pytest.fixture(scope="module")
def accelerated(common: msp430.Common, tmp_path_factory: pytest.TempPathFactory) -> msp430.Common:
    """Object files of the firmware with the accelerator."""
    return msp430.compile_common(tmp_path_factory.mktemp("lea"), lea=True)


# --- the model --------------------------------------------------------------------------------------------------------


def poke(machine: Sim430, address: int, value: int) -> None:
    execute(machine, program(double("MOV", immediate(value), absolute(address))))


def peek(machine: Sim430, address: int) -> int:
    execute(machine, program(double("MOV", absolute(address), reg(9))))
    return machine.register(9)


def ready(x: list[int], y: list[int]) -> Sim430:
    machine = Sim430()
    poke(machine, CNF2, peek(machine, TOP) >> 2)
    poke(machine, CONTROL, 1)
    machine.write(X, struct.pack(f"<{len(x)}h", *x))
    machine.write(Y, struct.pack(f"<{len(y)}h", *y))
    machine.write(PARAMETERS, struct.pack("<4H", len(x), Y >> 2, RESULT >> 2, 0))
    poke(machine, FIRST, X >> 2)
    poke(machine, SECOND, PARAMETERS >> 2)
    return machine


def test_multiply_accumulate() -> None:
    rng = np.random.default_rng(0)
    for count in (2, 4, 100):
        x, y = rng.integers(-2000, 2000, (2, count)).tolist()
        machine = ready(x, y)
        poke(machine, COMMAND, 0x54)
        assert peek(machine, CNF1) & 1  # busy
        before = machine.counters.cycles
        while peek(machine, CNF1) & 1:
            pass
        assert machine.counters.cycles - before > count
        assert struct.unpack("<i", machine.read(RESULT, 4))[0] == 2 * int(np.dot(x, y))  # Q31


def test_nothing_is_there_before_it_is_done() -> None:
    machine = ready([1, 2], [3, 4])
    poke(machine, COMMAND, 0x54)
    assert struct.unpack("<i", machine.read(RESULT, 4))[0] != 22
    with pytest.raises(DeviceError, match="unsupported"):
        poke(machine, COMMAND, 0x54)


@pytest.mark.parametrize(
    ("address", "value"), [(CONTROL, 0), (CNF2, 0), (FIRST, 0x2BFC >> 2), (FIRST, 0x3AC8 >> 2), (SECOND, 0x3C00 >> 2)]
)
def test_what_it_must_not_be_told(address: int, value: int) -> None:
    machine = ready([1, 2], [3, 4])
    poke(machine, address, value)
    with pytest.raises(DeviceError, match="unsupported"):
        poke(machine, COMMAND, 0x54)


def test_limits() -> None:
    for x, y in (([1], [1]), ([-32768] * 2, [-32768] * 2)):  # an odd number of elements; a sum of 2^31 and more
        with pytest.raises(DeviceError, match="unsupported"):
            poke(ready(x, y), COMMAND, 0x54)


# --- the port ---------------------------------------------------------------------------------------------------------


def device(blob: bytes, sample: bytes, objects: msp430.Common, folder: Path) -> Sim430:
    msp430.build(blob, folder / "firmware.elf", objects)
    machine = Sim430(Image.from_elf(folder / "firmware.elf"))
    submit(machine, sample, 1)
    return machine


def convolutions() -> Graph:
    """Borders, strides, a dilation, groups, a pool on the way out, an odd number of taps, a linear layer."""
    b = graphs.Builder(np.random.default_rng(2))
    x = b.conv(b.quantize((3, 9, 8)), 8, Window((3, 3), padding=(1, 1, 1, 1)), lookup=True)
    x = b.conv(x, 12, Window((3, 3), (2, 1), (1, 2), padding=(0, 2, 1, 2)))
    x = b.conv(x, 6, Window((2, 2)), groups=2, pool=(1, 2))
    return b.finish(b.linear(b.flatten(x), 5))


@pytest.mark.parametrize("name", ["convolutions", "chain", "every_kind", "in_parts", "with_exits"])
def test_same_bytes_as_on_the_cpu(name: str, accelerated: msp430.Common, tmp_path: Path) -> None:
    graph = convolutions() if name == "convolutions" else getattr(graphs, name)()
    blob, sample = write_blob(graph, graphs.tight_plan(graph, np.random.default_rng(3))), graphs.random_sample(graph)
    machine = device(blob, sample, accelerated, tmp_path)
    assert machine.run(cycles=LIFE) is Stop.OFF
    assert machine.functions(["lea_multiply_accumulate"])["lea_multiply_accumulate"].calls > 0
    if name != "with_exits":  # an exit may answer: test_exits.py
        assert answer(machine) == (1, [int(score) for score in Engine(blob).run(sample)])


def test_fewer_cycles_than_the_cpu(common: msp430.Common, accelerated: msp430.Common, tmp_path: Path) -> None:
    b = graphs.Builder(np.random.default_rng(0))
    graph = b.finish(b.conv(b.quantize((16, 14, 14)), 32, Window((3, 3), padding=(1, 1, 1, 1))))
    blob, sample = write_blob(graph, graphs.roomy_plan(graph)), graphs.random_sample(graph)
    cycles = []
    for objects in (common, accelerated):
        machine = device(blob, sample, objects, tmp_path)
        machine.run(cycles=LIFE, halt="fml_interp_step")  # QUANTIZE
        machine.run(instructions=1)
        machine.run(cycles=LIFE, halt="fml_interp_step")
        before = machine.counters.cycles
        machine.run(cycles=LIFE, halt="fml_session_output")
        cycles.append(machine.counters.cycles - before)
        machine.run(cycles=LIFE)
        assert answer(machine) == (1, [int(score) for score in Engine(blob).run(sample)])
    macs = 14 * 14 * 32 * 16 * 9
    print(f"3x3, 16 to 32: {cycles[0] / macs:.2f} cycles/MAC on the CPU, {cycles[1] / macs:.2f} on the LEA")
    assert cycles[1] < cycles[0]


def test_power_fails_while_it_works(accelerated: msp430.Common, tmp_path: Path) -> None:
    graph = cuts.small()
    blob, sample = cuts.blob_of(graph), graphs.random_sample(graph)
    msp430.build(blob, tmp_path / "firmware.elf", accelerated)
    start = cuts.started(Sim430(Image.from_elf(tmp_path / "firmware.elf")), sample)
    whole = start.clone()
    whole.run(cycles=LIFE)
    places = range(0, whole.counters.instructions - start.counters.instructions, 41)
    assert sum(1 for _ in cuts.survivors(start, blob, sample, places)) > 1000
