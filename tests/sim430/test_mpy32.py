"""The multiplier (SLAU367 chapter 5): all operand sizes, signed or not, accumulating or not, against whole numbers."""

from __future__ import annotations

import flags
import pytest
from assembler import BYTE, WORD, absolute, double, immediate, program, reg
from bench import CODE, execute
from hypothesis import given, settings
from hypothesis import strategies as st
from sim430 import DeviceError, Sim430

BASE = 0x4C0
OP2, RESLO, RESHI, SUMEXT, OP2L, OP2H, RES0, RES2, CTL0 = 0x08, 0x0A, 0x0C, 0x0E, 0x20, 0x22, 0x24, 0x28, 0x2C
MODES = ["MPY", "MPYS", "MAC", "MACS"]
EDGES = [0, 1, 0x7F, 0x80, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFF, 0x800000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
machine = Sim430()


def poke(offset: int, value: int, width: str = WORD) -> None:
    execute(machine, program(double("MOV", immediate(value), absolute(BASE + offset), width)))


def peek(offset: int) -> int:
    execute(machine, program(double("MOV", absolute(BASE + offset), reg(9))))
    return machine.register(9)


def load(offset_16: int, offset_low: int, value: int, size: int) -> None:
    """Writes an operand of 8, 16, 24 or 32 bits the way a program does."""
    if size <= 16:
        poke(offset_16, value, BYTE if size == 8 else WORD)
    else:
        poke(offset_low, value & 0xFFFF)
        poke(offset_low + 2, value >> 16, BYTE if size == 24 else WORD)


def operand(value: int, size: int, is_signed: bool) -> int:
    return flags.signed(value, size) if is_signed else value


def result(words: int) -> int:
    return sum(peek(RES0 + 2 * i) << 16 * i for i in range(words))


@settings(max_examples=400, deadline=None)
@given(
    mode=st.sampled_from(range(4)),
    sizes=st.tuples(*[st.sampled_from([8, 16, 24, 32])] * 2),
    a=st.one_of(st.sampled_from(EDGES), st.integers(0, 2**32 - 1)),
    b=st.one_of(st.sampled_from(EDGES), st.integers(0, 2**32 - 1)),
    old=st.one_of(st.sampled_from([0, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]), st.integers(0, 2**64 - 1)),
)
def test_products(mode: int, sizes: tuple[int, int], a: int, b: int, old: int) -> None:
    a, b = a % (1 << sizes[0]), b % (1 << sizes[1])
    is_signed, accumulates = mode & 1, mode & 2
    for i in range(4):
        poke(RES0 + 2 * i, old >> 16 * i & 0xFFFF)
    load(2 * mode, 0x10 + 4 * mode, a, sizes[0])
    load(OP2, OP2L, b, sizes[1])
    bits = 64 if max(sizes) > 16 else 32
    product = operand(a, sizes[0], bool(is_signed)) * operand(b, sizes[1], bool(is_signed))
    base = old % (1 << bits) if accumulates else 0
    total = (base + product) % (1 << bits)
    assert result(bits // 16) == total
    assert peek(RESHI) << 16 | peek(RESLO) == total % (1 << 32)
    carry = int(base + product % (1 << bits) >= 1 << bits)
    negative = total >> (bits - 1)
    assert peek(SUMEXT) == (0xFFFF * negative if is_signed else carry)
    assert peek(CTL0) & 1 == (negative if is_signed and not accumulates else carry)


def test_operands_can_be_used_again() -> None:
    """The second operand starts a multiplication each time; the first one stays."""
    poke(0x06, -3)  # MACS
    poke(RESLO, 100)
    poke(RESHI, 0)
    for value in (5, 7, -2):
        poke(OP2, value)
    assert peek(RESHI) << 16 | peek(RESLO) == 100 - 3 * (5 + 7 - 2)
    assert (peek(0x06), peek(OP2)) == (0xFFFD, 0xFFFE)


def test_read_back_of_wide_operands() -> None:
    load(0, 0x14, 0x89ABCDEF, 32)
    load(0, OP2L, 0x12345678, 32)
    assert (peek(0x14), peek(0x16), peek(OP2L), peek(OP2H)) == (0xCDEF, 0x89AB, 0x5678, 0x1234)


def test_modes_that_are_not_modelled_are_refused() -> None:
    for bit in (4, 8):
        with pytest.raises(DeviceError, match="unsupported 004ec"):
            poke(CTL0, bit)
    machine.set_register(0, CODE)
