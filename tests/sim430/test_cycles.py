"""The cycle tables of SLAU367 4.5.1.5 and 4.5.2.8, row by row."""

from __future__ import annotations

import pytest
from assembler import (
    BYTE,
    LONG,
    PC,
    SP,
    WORD,
    Operand,
    absolute,
    address_arithmetic,
    at,
    calla,
    constant,
    double,
    immediate,
    indexed,
    mova,
    post,
    program,
    push_many,
    reg,
    shift_many,
    single,
)
from bench import DATA, execute, long
from sim430 import Sim430

# Sources; all point to the same place, which holds an even address in FRAM so that PC can be loaded from it.
SOURCES = {
    "Rn": reg(5),
    "@Rn": at(6),
    "@Rn+": post(6),
    "#N": immediate(0x5000),
    "x(Rn)": indexed(6, 0),
    "EDE": indexed(PC, DATA),  # adjusted below
    "&EDE": absolute(DATA),
    "CG": constant(4),
}
TARGETS = {"Rm": reg(9), "PC": reg(PC), "x(Rm)": indexed(7, 0), "TONI": indexed(PC, 0x5100), "&TONI": absolute(0x5100)}
MEMORY = {"x(Rm)", "TONI", "&TONI"}

# source: cycles to Rm, PC, memory; MOV, BIT and CMP to memory take one less (.A: two less).
FORMAT_I = {
    "Rn": (1, 3, 4),
    "@Rn": (2, 4, 5),
    "@Rn+": (2, 4, 5),
    "#N": (2, 3, 5),
    "x(Rn)": (3, 5, 6),
    "EDE": (3, 5, 6),
    "&EDE": (3, 5, 6),
    "CG": (1, 3, 4),
}
EXTENDED = {
    "Rn": (2, 4, 5),
    "@Rn": (3, 5, 6),
    "@Rn+": (3, 5, 6),
    "#N": (3, 4, 6),
    "x(Rn)": (4, 6, 7),
    "EDE": (4, 6, 7),
    "&EDE": (4, 6, 7),
    "CG": (2, 4, 5),
}
ADDRESS = {
    "Rn": (2, 4, 7),
    "@Rn": (4, 6, 9),
    "@Rn+": (4, 6, 9),
    "#N": (3, 4, 8),
    "x(Rn)": (5, 7, 10),
    "EDE": (5, 7, 10),
    "&EDE": (5, 7, 10),
    "CG": (2, 4, 7),
}


def cycles(machine: Sim430, code: list[int]) -> int:
    registers = {2: 0, 5: 0x5000, 6: DATA, 7: 0x5100, SP: 0x2100}
    return execute(machine, program(code), registers, {DATA: long(0x5000), 0x5100: long(0), 0x2100: long(0x5000)})


def placed(operand: Operand, word_at: int) -> Operand:
    """Symbolic operands count from their index word."""
    if operand.reg == PC and operand.mode == 1:
        assert operand.word is not None
        return indexed(PC, operand.word - word_at)
    return operand


@pytest.mark.parametrize(
    ("table", "width", "extended"),
    [(FORMAT_I, WORD, False), (FORMAT_I, BYTE, False), (EXTENDED, WORD, True), (EXTENDED, BYTE, True), (ADDRESS, LONG, True)],
)
def test_format_i(machine: Sim430, table: dict[str, tuple[int, int, int]], width: str, extended: bool) -> None:
    first = 0x4400 + (4 if extended else 2)
    for (name, source), (target, to) in ((s, t) for s in SOURCES.items() for t in TARGETS.items()):
        if target == "PC" and width == BYTE:
            continue
        from_ = placed(source, first)
        to_ = placed(to, first + (0 if from_.word is None else 2))
        for operation in ("ADD", "XOR", "MOV", "CMP", "BIT"):
            if target == "PC" and operation != "MOV":
                continue
            expected = table[name][2 if target in MEMORY else 1 if target == "PC" else 0]
            if target in MEMORY and operation in ("MOV", "CMP", "BIT"):
                expected -= 2 if width == LONG else 1
            assert cycles(machine, double(operation, from_, to_, width, extended)) == expected, (name, target, operation)


@pytest.mark.parametrize(
    ("name", "width", "extended", "expected"),
    [
        ("RRA", WORD, False, (1, 3, 3, None, 4, 4)),
        ("RRC", BYTE, False, (1, 3, 3, None, 4, 4)),
        ("SWPB", WORD, False, (1, 3, 3, None, 4, 4)),
        ("SXT", WORD, False, (1, 3, 3, None, 4, 4)),
        ("PUSH", WORD, False, (3, 3, 3, 3, 4, 4)),
        ("CALL", WORD, False, (4, 4, 4, 4, 5, 6)),
        ("RRA", WORD, True, (2, 4, 4, None, 5, 5)),
        ("RRC", LONG, True, (2, 6, 6, None, 7, 7)),
        ("PUSH", BYTE, True, (4, 4, 4, 4, 5, 5)),
        ("PUSH", LONG, True, (5, 6, 6, 5, 7, 7)),
    ],
)
def test_format_ii(machine: Sim430, name: str, width: str, extended: bool, expected: tuple[int | None, ...]) -> None:
    for mode, count in zip(("Rn", "@Rn", "@Rn+", "#N", "x(Rn)", "&EDE"), expected, strict=True):
        if count is not None:
            assert cycles(machine, single(name, SOURCES[mode], width, extended)) == count, mode


def test_pushx_over_the_stack_pointer(machine: Sim430) -> None:
    assert cycles(machine, single("PUSH", indexed(SP, 2), WORD, True)) == 6
    assert cycles(machine, single("PUSH", indexed(SP, 4), LONG)) == 8


def test_calla(machine: Sim430) -> None:
    for mode, expected in {"Rn": 5, "@Rn": 6, "@Rn+": 6, "#N": 5, "x(Rn)": 5, "&EDE": 7}.items():
        assert cycles(machine, calla(SOURCES[mode])) == expected, mode
    assert cycles(machine, calla(indexed(PC, DATA - 0x4402))) == 7
    assert cycles(machine, calla(indexed(SP, 0))) == 6


def test_address_instructions(machine: Sim430) -> None:
    moves = {"Rn": (1, 3), "@Rn": (3, 5), "@Rn+": (3, 5), "#N": (2, 3), "x(Rn)": (4, 6), "&EDE": (4, 6)}
    for mode, (to_register, to_pc) in moves.items():
        assert cycles(machine, mova(SOURCES[mode], reg(9))) == to_register, mode
        assert cycles(machine, mova(SOURCES[mode], reg(PC))) == to_pc, mode
    assert cycles(machine, mova(reg(5), absolute(0x5100))) == 4
    assert cycles(machine, mova(reg(5), indexed(7, 0))) == 4
    for name in ("CMPA", "ADDA", "SUBA"):
        assert cycles(machine, address_arithmetic(name, reg(5), 9)) == 1
        assert cycles(machine, address_arithmetic(name, immediate(5), 9)) == 3
    assert cycles(machine, address_arithmetic("ADDA", immediate(2), PC)) == 3
    assert cycles(machine, address_arithmetic("ADDA", reg(5), PC)) == 3


def test_several_at_once(machine: Sim430) -> None:
    for n in range(1, 5):
        for name in ("RRCM", "RRAM", "RLAM", "RRUM"):
            assert cycles(machine, shift_many(name, n, 9, LONG)) == n
    for n in range(1, 9):
        for name in ("PUSHM", "POPM"):
            assert cycles(machine, push_many(name, n, 15, WORD)) == 2 + n
            assert cycles(machine, push_many(name, n, 15, LONG)) == 2 + 2 * n
