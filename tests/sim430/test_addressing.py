"""Where each addressing mode finds its operand, below and above 64 KB (SLAU367 4.4), and what it does to registers."""

from __future__ import annotations

import pytest
from assembler import (
    BYTE,
    LONG,
    PC,
    WORD,
    Operand,
    absolute,
    at,
    constant,
    double,
    immediate,
    indexed,
    mova,
    post,
    program,
    reg,
    single,
)
from bench import CODE, CODE_ABOVE, DATA, DATA_ABOVE, execute, long
from sim430 import DeviceError, Sim430

SIZES = {BYTE: 1, WORD: 2, LONG: 4}
VALUE = 0x5A3C9 & 0xFFFFF

# mode, register that points there, the address wanted; MSP430 form: in the lower 64 KB it wraps, above it adds a signed index.
INDEXED = [
    (indexed(5, 6), DATA, DATA + 6),
    (indexed(5, -6), DATA + 8, DATA + 2),
    (indexed(5, 0xC000), DATA + 0x4000, DATA),  # also a negative index
    (indexed(5, 0x7000), 0xB000, 0x12000 & 0xFFFF),  # wraps
    (indexed(5, -0x10), 0x1000A, 0xFFFA),
    (indexed(5, 0x7FF0), 0x18010, 0x20000),
    (absolute(DATA + 4), 0, DATA + 4),
    (absolute(0xF000), 0, 0xF000),
]
EXTENDED = [
    (indexed(5, 0x10000), 0xF000, 0x1F000),
    (indexed(5, -0x6), 0x20006, 0x20000),
    (indexed(5, 0xF0000), 0x30000, 0x20000),
    (absolute(0x2F000), 0, 0x2F000),
    (indexed(5, -2), DATA + 2, DATA),
]


@pytest.mark.parametrize("width", SIZES)
def test_indexed_source_and_destination(machine: Sim430, width: str) -> None:
    size = SIZES[width]
    cases = [(case, False) for case in INDEXED if width != LONG] + [(case, True) for case in EXTENDED]
    for (mode, pointer, address), extended in cases:
        if address < 0x4000 <= address + size:
            continue
        value = VALUE & ((1 << 8 * size) - 1) & 0xFFFFF
        data = value.to_bytes(size, "little")
        execute(machine, program(double("MOV", mode, reg(9), width, extended)), {5: pointer, 9: 0xFFFFF}, {address: data})
        assert machine.register(9) == value, (mode, extended)
        execute(
            machine, program(double("MOV", reg(9), mode, width, extended)), {5: pointer, 9: 0xC0FFE}, {address: bytes(size)}
        )
        assert machine.read(address, size) == (0xC0FFE & ((1 << 8 * size) - 1) & 0xFFFFF).to_bytes(size, "little")


def test_symbolic_counts_from_the_index_word(machine: Sim430) -> None:
    for place, target, extended in ((CODE, 0x4600, False), (CODE_ABOVE, 0x12200, False), (CODE, 0x20000, True)):
        at_index = place + (4 if extended else 2)
        code = program(double("MOV", indexed(PC, target - at_index), reg(9), WORD, extended))
        execute(machine, code, {}, {target: b"\x34\x12"}, at=place)
        assert machine.register(9) == 0x1234
        at_index = place + (4 if extended else 2)
        code = program(double("MOV", reg(9), indexed(PC, target + 2 - at_index), WORD, extended))
        execute(machine, code, {9: 0x4321}, {target + 2: b"\0\0"}, at=place)
        assert machine.read(target + 2, 2) == b"\x21\x43"


def test_both_indices_of_one_instruction(machine: Sim430) -> None:
    """Source index first, then the destination's, each counted from its own word."""
    target = 0x4600
    code = program(double("MOV", indexed(PC, target - (CODE + 2)), indexed(PC, target + 2 - (CODE + 4))))
    execute(machine, code, {}, {target: b"\x78\x56\0\0"})
    assert machine.read(target, 4) == b"\x78\x56\x78\x56"
    code = program(double("MOV", absolute(0x20000), absolute(0x30000), LONG))
    execute(machine, code, {}, {0x20000: long(VALUE), 0x30000: long(0)})
    assert machine.read(0x30000, 4) == long(VALUE)


@pytest.mark.parametrize(("width", "step"), [(BYTE, 1), (WORD, 2), (LONG, 4)])
def test_indirect_and_autoincrement(machine: Sim430, width: str, step: int) -> None:
    for pointer in (DATA, DATA_ABOVE):
        for mode, moved in ((at(5), 0), (post(5), step)):
            execute(machine, program(double("MOV", mode, reg(9), width)), {5: pointer}, {pointer: long(VALUE)})
            assert machine.register(9) == VALUE & ((1 << 8 * step) - 1)
            assert machine.register(5) == pointer + moved


def test_autoincrement_happens_before_the_destination_is_found(machine: Sim430) -> None:
    execute(machine, program(double("MOV", post(5), indexed(5, 0))), {5: DATA}, {DATA: b"\x11\x22\0\0"})
    assert machine.read(DATA, 4) == b"\x11\x22\x11\x22"
    execute(machine, program(double("ADD", post(5), reg(5))), {5: DATA}, {DATA: b"\x10\0"})
    assert machine.register(5) == DATA + 2 + 0x10


def test_the_stack_pointer_moves_by_words(machine: Sim430) -> None:
    execute(machine, program(double("MOV", post(1), reg(9), BYTE)), {1: DATA}, {DATA: b"\x99\x88"})
    assert (machine.register(9), machine.register(1)) == (0x99, DATA + 2)
    execute(machine, program(double("MOV", immediate(0x2001), reg(1))))
    assert machine.register(1) == 0x2000


def test_odd_addresses_of_words_lose_their_lowest_bit(machine: Sim430) -> None:
    execute(machine, program(double("MOV", at(5), reg(9))), {5: DATA + 1}, {DATA: b"\x34\x12\x78\x56"})
    assert machine.register(9) == 0x1234
    execute(machine, program(double("MOV", at(5), reg(9), BYTE)), {5: DATA + 1})
    assert machine.register(9) == 0x12


def test_immediates_and_constants(machine: Sim430) -> None:
    for width, mask in ((BYTE, 0xFF), (WORD, 0xFFFF), (LONG, 0xFFFFF)):
        execute(machine, program(double("MOV", immediate(0xABCDE & mask), reg(9), width)))
        assert machine.register(9) == 0xABCDE & mask
        for value in (0, 1, 2, 4, 8, -1):
            execute(machine, program(double("MOV", constant(value), reg(9), width)), {9: 0x55555})
            assert machine.register(9) == value & mask
    execute(machine, program(double("MOV", immediate(0x12), reg(3))))
    assert machine.register(3) == 0


def test_address_moves(machine: Sim430) -> None:
    cases: list[tuple[Operand, dict[int, int], dict[int, bytes], int]] = [
        (reg(5), {5: VALUE}, {}, VALUE),
        (immediate(VALUE), {}, {}, VALUE),
        (at(5), {5: DATA_ABOVE}, {DATA_ABOVE: long(VALUE)}, VALUE),
        (post(5), {5: DATA}, {DATA: long(VALUE)}, VALUE),
        (absolute(0x23456), {}, {0x23456: long(VALUE)}, VALUE),
        (indexed(5, -4), {5: 0x20004}, {0x20000: long(VALUE)}, VALUE),
        (indexed(5, 0x7000), {5: 0xB000}, {0x12000: long(VALUE)}, VALUE),  # no wrapping at 64 KB
    ]
    for source, registers, memory, expected in cases:
        execute(machine, program(mova(source, reg(9))), {**registers, 2: 0}, memory)
        assert machine.register(9) == expected
        assert machine.register(2) == 0
        if source == post(5):
            assert machine.register(5) == DATA + 4
    execute(machine, program(mova(reg(9), absolute(0x23450))), {9: VALUE}, {0x23450: b"\xff" * 4})
    assert machine.read(0x23450, 4) == long(VALUE)
    execute(machine, program(mova(reg(9), indexed(5, 8))), {9: VALUE, 5: DATA}, {DATA + 8: b"\xff" * 4})
    assert machine.read(DATA + 8, 4) == long(VALUE)


def test_vacant_memory_stops_the_machine(machine: Sim430) -> None:
    with pytest.raises(DeviceError, match="bad address 03d00, instruction at 04400"):
        execute(machine, program(double("MOV", absolute(0x3D00), reg(9))))
    with pytest.raises(DeviceError, match="bad address 50000"):
        execute(machine, program(double("MOV", reg(9), absolute(0x50000), WORD, True)))
    machine.set_register(PC, 0x1A00)
    with pytest.raises(DeviceError, match="bad address 01a00, instruction at 01a00"):
        machine.run(instructions=1)


def test_what_is_no_instruction_stops_the_machine(machine: Sim430) -> None:
    reserved_width = double("ADD", reg(4), reg(5), LONG, True)
    reserved_width[1] &= ~0x40
    for words in ([0x1380 | 0x20], [0x1280 | 0x40], reserved_width, [0x1840, 0x3C00], single("SWPB", reg(4), BYTE)):
        with pytest.raises(DeviceError, match="bad opcode"):
            execute(machine, program(words))
