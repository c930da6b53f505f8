"""Power failures: what is lost, what is kept, and how much of the write that is hit."""

from __future__ import annotations

import pytest
from assembler import BYTE, LONG, PC, SP, absolute, calla, double, immediate, program, push_many, reg
from bench import CODE, DATA, word
from sim430 import FRAM, RESET_VECTOR, SRAM, Cut, Sim430, Stop

PLACE = 0x8000


def powered(*instructions: list[int]) -> Sim430:
    """A device that starts with these instructions; R5 = 0x54321, the stack below 0x9000 in FRAM."""
    machine = Sim430()
    start = (double("MOV", immediate(0x54321), reg(5), LONG), double("MOV", immediate(0x9000), reg(SP)))
    machine.write(CODE, program(*start, *instructions))
    machine.write(RESET_VECTOR, word(CODE))
    machine.lose_power(7)
    assert machine.run(instructions=2) is Stop.LIMIT
    return machine


def test_power_on_is_noise_and_the_reset_vector() -> None:
    machine = powered()
    first = machine.read(SRAM.start, len(SRAM))
    machine.lose_power(7)
    assert machine.read(SRAM.start, len(SRAM)) == first
    assert machine.register(PC) == CODE
    assert machine.register(2) == 0
    machine.lose_power(8)
    second = machine.read(SRAM.start, len(SRAM))
    same = sum(a == b for a, b in zip(first, second, strict=True))
    assert same < len(SRAM) / 64
    assert len(set(second)) == 256


def test_fram_and_counters_survive() -> None:
    machine = powered(double("MOV", reg(5), absolute(PLACE)))
    machine.write(0x1800, b"info")
    machine.run(instructions=1)
    before, memory = machine.counters, machine.read(FRAM.start, len(FRAM))
    machine.lose_power()
    assert (machine.counters, machine.read(FRAM.start, len(FRAM)), machine.read(0x1800, 4)) == (before, memory, b"info")


# instruction, its FRAM writes in order: (address, bytes)
STORES = [
    (double("MOV", reg(5), absolute(PLACE)), [(PLACE, b"\x21\x43")]),
    (double("MOV", reg(5), absolute(PLACE + 1), BYTE), [(PLACE + 1, b"\x21")]),
    (double("MOV", reg(5), absolute(PLACE), LONG), [(PLACE, b"\x21\x43"), (PLACE + 2, b"\x05\0")]),
    (calla(immediate(0x31234)), [(0x8FFE, b"\0\0"), (0x8FFC, b"\x0e\x44")]),
    (push_many("PUSHM", 2, 5, LONG), [(0x8FFE, b"\x05\0"), (0x8FFC, b"\x21\x43"), (0x8FFA, b"\x0f\0"), (0x8FF8, b"\xff\xff")]),
]


@pytest.mark.parametrize(("instruction", "writes"), STORES)
def test_cut_at_every_write(instruction: list[int], writes: list[tuple[int, bytes]]) -> None:
    """Writes before the cut are there, later ones are not; the one that is hit as the kind of cut says."""
    for number in range(1, len(writes) + 1):
        for how in Cut:
            machine = powered(instruction)
            machine.set_register(4, 0xFFFFF)
            whole = bytearray(machine.read(FRAM.start, len(FRAM)))
            machine.cut_at_write(number, how, seed=3)
            assert machine.run(instructions=1) is Stop.CUT
            assert machine.run(instructions=1) is Stop.CUT  # dead until power comes back
            complete = writes[: number if how is Cut.AFTER else number - 1]
            for address, data in complete:
                whole[address - FRAM.start : address - FRAM.start + len(data)] = data
            found = bytearray(machine.read(FRAM.start, len(FRAM)))
            if how is Cut.TORN:
                at, data = writes[number - 1]
                place = slice(at - FRAM.start, at - FRAM.start + len(data))
                old, new, mixed = (int.from_bytes(b, "little") for b in (whole[place], data, found[place]))
                assert (mixed ^ old) & ~(old ^ new) == 0  # each bit is the old one or the new one
                found[place] = whole[place]
            assert found == whole, (number, how)
            machine.lose_power()
            assert machine.run(instructions=2) is Stop.LIMIT


def test_torn_words_are_mixtures() -> None:
    found = set()
    for seed in range(20):
        machine = powered(double("MOV", immediate(0), absolute(PLACE)))
        machine.cut_at_write(1, Cut.TORN, seed)
        machine.run(instructions=1)
        found.add(machine.read(PLACE, 2))
    assert len(found) > 10
    assert found - {b"\0\0", b"\xff\xff"} == found


def test_only_fram_writes_are_counted() -> None:
    machine = powered(double("MOV", reg(5), absolute(DATA)), double("MOV", reg(5), absolute(PLACE)))
    machine.cut_at_write(2)
    assert machine.run(instructions=2) is Stop.LIMIT
    machine.lose_power()  # disarms
    assert machine.run(instructions=4) is Stop.LIMIT
    with pytest.raises(ValueError, match="number 1"):
        machine.cut_at_write(0)


def test_clone_is_independent() -> None:
    machine = powered(double("MOV", reg(5), absolute(PLACE)))
    machine.cut_at_write(1)
    copy = machine.clone()
    assert copy.run(instructions=1) is Stop.CUT
    assert copy.counters != machine.counters or machine.register(PC) != copy.register(PC)
    machine.lose_power()
    assert machine.run(instructions=3) is Stop.LIMIT
    assert machine.read(PLACE, 2) == b"\x21\x43"
    assert copy.read(PLACE, 2) == b"\xff\xff"
