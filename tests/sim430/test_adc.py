"""The ADC as a monitor of the supply, with the port's driver and by its registers."""

from __future__ import annotations

import subprocess

import pytest
from assembler import BYTE, absolute, double, immediate, program, reg
from bench import execute
from freeml_pack.firmware import msp430
from sim430 import DeviceError, Image, Sim430

REF, ADC = 0x1B0, 0x800
CTL0, CTL1, FLAGS, CHANNEL, RESULT = ADC, ADC + 0x02, ADC + 0x0C, ADC + 0x20, ADC + 0x60
START = 0x0313
SETUP = {REF: 0x0011, CTL0: 0x0310, CTL1: 0x0200, ADC + 4: 0x0020, ADC + 6: 0x0040, CHANNEL: 0x011F}
SETTLING, CONVERSION = 1200, (32 + 14) * 16 / 4.8  # cycles


@pytest.fixture(scope="module")
def library(of_clang: msp430.Common, tmp_path_factory: pytest.TempPathFactory) -> Sim430:
    """The port's functions of energy.h."""
    output = tmp_path_factory.mktemp("energy") / "energy.elf"
    objects = [str(path) for path in of_clang.objects if path.name in ("energy.c.o", "runtime.S.o")]
    wanted = ["--entry=energy_init", "--undefined=energy_is_below"]  # apart from CODE, where `poke` writes
    command = [
        of_clang.toolchain.linker,
        *of_clang.toolchain.link_flags,
        *wanted,
        "--image-base=0x4000",
        "-Ttext=0x5000",
        "-o",
        str(output),
    ]
    subprocess.run([*command, *objects], check=True)
    return Sim430(Image.from_elf(output))


@pytest.mark.parametrize("supply", [1800, 2000, 2345, 2999, 3000, 3600])
def test_voltages_are_told_apart(library: Sim430, supply: int) -> None:
    machine = library.clone()
    machine.set_supply(supply)
    machine.call("energy_init")
    assert machine.call("energy_is_below", 4000) & 0xFF == 0  # the reference has not settled
    spin(machine, SETTLING)
    told = {level: bool(machine.call("energy_is_below", level) & 0xFF) for level in (supply - 2, supply + 2, 0, 4000)}
    assert told == {supply - 2: False, supply + 2: True, 0: False, 4000: True}
    before = machine.counters.cycles
    machine.call("energy_is_below", 2000)
    assert machine.counters.cycles - before < 500
    machine.lose_power()
    assert machine.call("energy_is_below", 4000) & 0xFF == 0  # switched off again


def poke(machine: Sim430, address: int, value: int, width: str = "W") -> None:
    execute(machine, program(double("MOV", immediate(value), absolute(address), width)))


def peek(machine: Sim430, address: int) -> int:
    execute(machine, program(double("MOV", absolute(address), reg(9))))
    return machine.register(9)


def spin(machine: Sim430, cycles: int) -> None:
    end = machine.counters.cycles + cycles
    while machine.counters.cycles < end:
        poke(machine, 0x2000, 0)


def ready() -> Sim430:
    machine = Sim430()
    for address, value in SETUP.items():
        poke(machine, address, value)
    spin(machine, SETTLING)
    return machine


def test_a_conversion_takes_its_time() -> None:
    machine = ready()
    assert peek(machine, REF) == 0x1011
    machine.set_supply(3000)
    poke(machine, CTL0, START)
    assert (peek(machine, CTL0), peek(machine, CTL1)) == (START - 1, 0x0201)  # SC is back at 0, BUSY
    assert peek(machine, FLAGS) == 0
    spin(machine, int(CONVERSION))
    assert (peek(machine, FLAGS), peek(machine, CTL1)) == (1, 0x0200)
    assert peek(machine, RESULT) == 3000 * 4096 // 4000
    assert peek(machine, FLAGS) == 0  # reading the result clears it
    machine.set_supply(5000)
    poke(machine, CTL0, START)
    spin(machine, int(CONVERSION))
    assert peek(machine, RESULT) == 4095


@pytest.mark.parametrize(
    ("address", "value"), [(CHANNEL, 0x0104), (CHANNEL, 0x001F), (CTL1, 0x0202), (ADC + 4, 0x0010), (REF, 0)]
)
def test_what_is_not_modelled_stops_the_machine(address: int, value: int) -> None:
    machine = ready()
    poke(machine, address, value)
    with pytest.raises(DeviceError, match="unsupported"):
        poke(machine, CTL0, START)


def test_bytes_are_not_modelled() -> None:
    machine = ready()
    with pytest.raises(DeviceError, match="unsupported"):
        poke(machine, CTL0, 3, BYTE)
