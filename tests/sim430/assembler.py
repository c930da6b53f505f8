"""Encodes MSP430X instructions from the formats of the user's guide (SLAU367 4.5): the tests' own assembler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PC, SP, SR, CG = 0, 1, 2, 3
FORMAT_I = ("MOV", "ADD", "ADDC", "SUBC", "SUB", "CMP", "DADD", "BIT", "BIC", "BIS", "XOR", "AND")
DOUBLE = {name: code for code, name in enumerate(FORMAT_I, 4)}
SINGLE = {"RRC": 0, "SWPB": 1, "RRA": 2, "SXT": 3, "PUSH": 4, "CALL": 5}
JUMPS = {"JNE": 0, "JEQ": 1, "JNC": 2, "JC": 3, "JN": 4, "JGE": 5, "JL": 6, "JMP": 7}
BYTE, WORD, LONG = "B", "W", "A"
BITS = {BYTE: 8, WORD: 16, LONG: 20}


@dataclass(frozen=True)
class Operand:
    """An addressing mode as the opcode has it; word: what follows the opcode."""

    reg: int
    mode: int
    word: int | None = None

    @property
    def high(self) -> int:
        """Bits 19:16 of the index or immediate."""
        return 0 if self.word is None else self.word >> 16 & 15

    @property
    def is_register(self) -> bool:
        return self.mode == 0


def reg(n: int) -> Operand:
    return Operand(n, 0)


def indexed(n: int, index: int) -> Operand:
    return Operand(n, 1, index & 0xFFFFF)


def absolute(address: int) -> Operand:
    return Operand(SR, 1, address)


def at(n: int) -> Operand:
    return Operand(n, 2)


def post(n: int) -> Operand:
    return Operand(n, 3)


def immediate(value: int) -> Operand:
    return Operand(PC, 3, value & 0xFFFFF)


def constant(value: int) -> Operand:
    """0, 1, 2, 4, 8 or -1 of the constant generator."""
    return {0: Operand(CG, 0), 1: Operand(CG, 1), 2: Operand(CG, 2), -1: Operand(CG, 3), 4: Operand(SR, 2), 8: Operand(SR, 3)}[
        value
    ]


def _words(*operands: Operand) -> list[int]:
    return [o.word & 0xFFFF for o in operands if o.word is not None]


def extension(
    width: str, source_high: int = 0, destination_high: int = 0, repeat: int = 1, zero_carry: int = 0, count_in: int = -1
) -> int:
    """The extension word. repeat: 1..16; count_in: the register that holds the repetitions less one."""
    word = 0x1800 | source_high << 7 | (width != LONG) << 6 | destination_high
    if repeat > 1 or zero_carry:
        word |= repeat - 1 | bool(zero_carry) << 8
    return word | (0x80 | count_in if count_in >= 0 else 0)


def double(name: str, source: Operand, to: Operand, width: str = WORD, extended: bool = False, **repetition: int) -> list[int]:
    """Format I. extended: the MSP430X form (always, where width is LONG)."""
    opcode = DOUBLE[name] << 12 | source.reg << 8 | to.mode << 7 | (width != WORD) << 6 | source.mode << 4 | to.reg
    if not (extended or width == LONG):
        return [opcode, *_words(source, to)]
    return [extension(width, source.high, to.high, **repetition), opcode, *_words(source, to)]


def single(name: str, to: Operand, width: str = WORD, extended: bool = False, **repetition: int) -> list[int]:
    """Format II."""
    has_byte_bit = width == BYTE or (width == LONG and name not in ("SWPB", "SXT"))
    opcode = 0x1000 | SINGLE[name] << 7 | has_byte_bit << 6 | to.mode << 4 | to.reg
    if not (extended or width == LONG):
        return [opcode, *_words(to)]
    highs = (to.high, 0) if name == "PUSH" else (0, to.high)
    return [extension(width, *highs, **repetition), opcode, *_words(to)]


def jump(name: str, words: int) -> list[int]:
    """A jump over `words` words, from the one behind the jump."""
    return [0x2000 | JUMPS[name] << 10 | words & 0x3FF]


def mova(source: Operand, to: Operand) -> list[int]:
    if to.mode == 1:
        if to.reg == SR:
            return [0x0060 | source.reg << 8 | to.high, *_words(to)]
        return [0x0070 | source.reg << 8 | to.reg, *_words(to)]
    if source == immediate(source.word or 0):
        return [0x0080 | source.high << 8 | to.reg, *_words(source)]
    if source.mode == 1 and source.reg == SR:
        return [0x0020 | source.high << 8 | to.reg, *_words(source)]
    kind = {0: 0xC0, 1: 0x30, 2: 0x00, 3: 0x10}[source.mode]
    return [kind | source.reg << 8 | to.reg, *_words(source)]


def address_arithmetic(name: str, source: Operand, to: int) -> list[int]:
    """CMPA, ADDA, SUBA."""
    kind = {"CMPA": 0x90, "ADDA": 0xA0, "SUBA": 0xB0}[name]
    if source.is_register:
        return [kind + 0x40 | source.reg << 8 | to]
    return [kind | source.high << 8 | to, *_words(source)]


def shift_many(name: str, times: int, to: int, width: str) -> list[int]:
    """RRCM, RRAM, RLAM, RRUM."""
    return [(times - 1) << 10 | ["RRCM", "RRAM", "RLAM", "RRUM"].index(name) << 8 | (0x40 if width == LONG else 0x50) | to]


def push_many(name: str, count: int, register: int, width: str) -> list[int]:
    """PUSHM from a register downwards; POPM up to a register."""
    kind = 0x1400 | (width == WORD) << 8
    if name == "POPM":
        return [kind | 0x200 | (count - 1) << 4 | (register - count + 1)]
    return [kind | (count - 1) << 4 | register]


def calla(to: Operand) -> list[int]:
    if to.mode == 3 and to.reg == PC:
        return [0x13B0 | to.high, *_words(to)]
    if to.mode == 1 and to.reg == SR:
        return [0x1380 | to.high, *_words(to)]
    if to.mode == 1 and to.reg == PC:
        return [0x1390 | to.high, *_words(to)]
    return [0x1340 | to.mode << 4 | to.reg, *_words(to)]


def program(*instructions: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(2, "little") for words in instructions for word in words)
