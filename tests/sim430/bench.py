"""A machine on the bench: one instruction at a time, with given registers and memory."""

from __future__ import annotations

from collections.abc import Mapping

from sim430 import Counters, Sim430

CODE = 0x4400  # in FRAM below 64 KB
CODE_ABOVE = 0x12000
DATA = 0x2000  # in SRAM
DATA_ABOVE = 0x20000

C, Z, N, V = 1, 2, 4, 0x100


def status_of(c: int, z: int, n: int, v: int) -> int:
    return c * C | z * Z | n * N | v * V


def execute(
    machine: Sim430, code: bytes, registers: Mapping[int, int] = {}, memory: Mapping[int, bytes] = {}, at: int = CODE
) -> int:
    """Executes one instruction; returns its cycles, without wait cycles."""
    machine.write(at, code)
    for address, data in memory.items():
        machine.write(address, data)
    for number, value in registers.items():
        machine.set_register(number, value)
    machine.set_register(0, at)
    before = machine.counters
    machine.run(instructions=1)
    return spent(before, machine.counters)


def spent(before: Counters, after: Counters) -> int:
    return after.cycles - before.cycles - (after.wait_cycles - before.wait_cycles)


def word(value: int) -> bytes:
    return (value & 0xFFFF).to_bytes(2, "little")


def long(value: int) -> bytes:
    """A 20-bit value in memory."""
    return value.to_bytes(4, "little")
