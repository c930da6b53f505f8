"""Results and status bits of every instruction that computes, at every width, against the definitions in whole numbers."""

from __future__ import annotations

import flags
import pytest
from assembler import (
    BITS,
    BYTE,
    DOUBLE,
    LONG,
    WORD,
    address_arithmetic,
    double,
    immediate,
    indexed,
    program,
    reg,
    shift_many,
    single,
)
from bench import DATA, execute, long, status_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sim430 import Sim430

EDGES = [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFF, 0x80000, 0xFFFFF, 0x99999, 0x12345]
values = st.one_of(st.sampled_from(EDGES), st.integers(0, 0xFFFFF))
widths = st.sampled_from([BYTE, WORD, LONG])
statuses = st.tuples(*[st.integers(0, 1)] * 4)
machine = Sim430()


def check_status(expected: flags.Result) -> None:
    ignored = 0x100 if expected.v is None else 0
    assert machine.register(2) & ~ignored == status_of(expected.c, expected.z, expected.n, expected.v or 0)


def check_register(number: int, expected: int | None, old: int) -> None:
    """A result clears the bits above its width; nothing is written where there is no result."""
    assert machine.register(number) == (old if expected is None else expected)


@pytest.mark.parametrize("name", DOUBLE)
@settings(max_examples=120, deadline=None)
@given(source=values, to=values, width=widths, status=statuses, extended=st.booleans())
def test_double_operand(name: str, source: int, to: int, width: str, status: tuple[int, int, int, int], extended: bool) -> None:
    mask = (1 << BITS[width]) - 1
    if name == "DADD":
        source, to = flags.decimal(source), flags.decimal(to)
    execute(machine, program(double(name, reg(5), reg(6), width, extended)), {2: status_of(*status), 5: source, 6: to})
    expected = flags.double(name, source & mask, to & mask, status, BITS[width])
    check_register(6, expected.value, to)
    assert machine.register(5) == source
    check_status(expected)


@pytest.mark.parametrize("name", DOUBLE)
@settings(max_examples=40, deadline=None)
@given(source=values, to=values, width=widths, status=statuses)
def test_double_operand_in_memory(name: str, source: int, to: int, width: str, status: tuple[int, int, int, int]) -> None:
    """From an immediate to memory: only the operand's bytes change."""
    mask = (1 << BITS[width]) - 1
    if name == "DADD":
        source, to = flags.decimal(source), flags.decimal(to)
    size = {BYTE: 1, WORD: 2, LONG: 4}[width]
    code = program(double(name, immediate(source & mask), indexed(6, 4), width))
    execute(
        machine,
        code,
        {2: status_of(*status), 6: DATA},
        {DATA: b"\xaa" * 4 + (to & mask).to_bytes(size, "little") + b"\xbb" * 4},
    )
    expected = flags.double(name, source & mask, to & mask, status, BITS[width])
    value = to & mask if expected.value is None else expected.value
    assert machine.read(DATA, 8 + size) == b"\xaa" * 4 + value.to_bytes(size, "little") + b"\xbb" * 4
    check_status(expected)


@pytest.mark.parametrize("name", ["RRC", "RRA"])
@settings(max_examples=80, deadline=None)
@given(value=values, width=widths, status=statuses, extended=st.booleans())
def test_shift(name: str, value: int, width: str, status: tuple[int, int, int, int], extended: bool) -> None:
    mask = (1 << BITS[width]) - 1
    execute(machine, program(single(name, reg(7), width, extended)), {2: status_of(*status), 7: value})
    expected = flags.shift(name, value & mask, status[0], BITS[width])
    check_register(7, expected.value, value)
    check_status(expected)


@pytest.mark.parametrize("name", ["RRCM", "RRAM", "RLAM", "RRUM"])
@settings(max_examples=60, deadline=None)
@given(value=values, width=st.sampled_from([WORD, LONG]), status=statuses, times=st.integers(1, 4))
def test_shift_many(name: str, value: int, width: str, status: tuple[int, int, int, int], times: int) -> None:
    execute(machine, program(shift_many(name, times, 8, width)), {2: status_of(*status), 8: value})
    bits, carry = BITS[width], status[0]
    result = value & ((1 << bits) - 1)
    for _ in range(times):
        expected = flags.shift(name[:3], result, carry, bits)
        assert expected.value is not None
        result, carry = expected.value, expected.c
    if name == "RLAM":
        expected = flags.Result(expected.value, expected.c, expected.z, expected.n, None)
    check_register(8, result, value)
    check_status(expected)


@pytest.mark.parametrize("name", ["CMPA", "ADDA", "SUBA"])
@settings(max_examples=80, deadline=None)
@given(source=values, to=values, is_register=st.booleans(), status=statuses)
def test_address_arithmetic(name: str, source: int, to: int, is_register: bool, status: tuple[int, int, int, int]) -> None:
    code = program(address_arithmetic(name, reg(9) if is_register else immediate(source), 10))
    execute(machine, code, {2: status_of(*status), 9: source, 10: to})
    expected = flags.double(name[:3], source, to, status, 20)
    check_register(10, expected.value, to)
    check_status(expected)


@settings(max_examples=80, deadline=None)
@given(value=values, status=statuses)
def test_swap_and_extend(value: int, status: tuple[int, int, int, int]) -> None:
    for width, high in ((WORD, 0), (LONG, value & 0xF0000)):
        for extended in (False, True):
            execute(machine, program(single("SWPB", reg(4), width, extended)), {2: status_of(*status), 4: value})
            assert machine.register(4) == high | (value & 0xFF) << 8 | (value >> 8 & 0xFF)
            assert machine.register(2) == status_of(*status)
            execute(machine, program(single("SXT", reg(4), width, extended)), {2: status_of(*status), 4: value})
            expected = flags.signed(value & 0xFF, 8)
            assert machine.register(4) == expected % (1 << 20)
            assert machine.register(2) == status_of(expected != 0, expected == 0, expected < 0, 0)
    execute(machine, program(single("SXT", indexed(5, 0))), {5: DATA}, {DATA: long(value)})
    assert machine.read(DATA, 4) == (flags.signed(value & 0xFF, 8) % (1 << 16)).to_bytes(2, "little") + long(value)[2:]


@settings(max_examples=80, deadline=None)
@given(value=values, other=values, width=widths, times=st.integers(1, 16), zero=st.booleans(), in_register=st.booleans())
def test_repetition(value: int, other: int, width: str, times: int, zero: bool, in_register: bool) -> None:
    """RPT (and RPTZ) before a shift and before an addition with carry: as if the instruction stood there so many times."""
    bits = BITS[width]
    mask = (1 << bits) - 1
    count = {"repeat": 1, "count_in": 11} if in_register else {"repeat": times}
    registers = {2: 1, 5: other, 6: value, 11: 0xABCD0 | times - 1}
    for name in ("RRC", "ADDC"):
        if name == "RRC":
            code = single(name, reg(6), width, True, zero_carry=zero, **count)
        else:
            code = double(name, reg(5), reg(6), width, True, zero_carry=zero, **count)
        cycles = execute(machine, program(code), registers)
        result, carry = value & mask, 1
        for _ in range(times):
            used = 0 if zero else carry
            if name == "RRC":
                expected = flags.shift(name, result, used, bits)
            else:
                expected = flags.double(name, other & mask, result, (used, 0, 0, 0), bits)
            assert expected.value is not None
            result, carry = expected.value, expected.c
        assert machine.register(6) == result
        check_status(expected)
        assert cycles == times + 1
