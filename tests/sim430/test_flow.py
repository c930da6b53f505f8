"""Jumps, calls, returns, the stack, and how a run ends."""

from __future__ import annotations

import itertools

import pytest
from assembler import (
    LONG,
    PC,
    SP,
    WORD,
    absolute,
    at,
    calla,
    constant,
    double,
    immediate,
    indexed,
    jump,
    mova,
    post,
    program,
    push_many,
    reg,
    single,
)
from bench import CODE, CODE_ABOVE, DATA, execute, long, status_of, word
from sim430 import Sim430, Stop

TAKEN = {
    "JNE": lambda c, z, n, v: not z,
    "JEQ": lambda c, z, n, v: z,
    "JNC": lambda c, z, n, v: not c,
    "JC": lambda c, z, n, v: c,
    "JN": lambda c, z, n, v: n,
    "JGE": lambda c, z, n, v: n == v,
    "JL": lambda c, z, n, v: n != v,
    "JMP": lambda c, z, n, v: True,
}


@pytest.mark.parametrize("name", TAKEN)
def test_jumps(machine: Sim430, name: str) -> None:
    for status in itertools.product((0, 1), repeat=4):
        for words in (-512, -1, 0, 1, 511):
            cycles = execute(machine, program(jump(name, words)), {2: status_of(*status)}, at=CODE_ABOVE)
            assert machine.register(PC) == CODE_ABOVE + 2 + (2 * words if TAKEN[name](*status) else 0)
            assert cycles == 2


def test_call_and_return(machine: Sim430) -> None:
    for source, registers, memory in (
        (immediate(0x5000), {}, {}),
        (reg(5), {5: 0x5001}, {}),  # the program counter is even
        (at(5), {5: DATA}, {DATA: word(0x5000)}),
        (post(5), {5: DATA}, {DATA: word(0x5000)}),
        (indexed(5, 2), {5: DATA}, {DATA + 2: word(0x5000)}),
        (absolute(DATA), {}, {DATA: word(0x5000)}),
    ):
        code = program(single("CALL", source))
        execute(machine, code, {**registers, SP: 0x2100}, memory)
        assert (machine.register(PC), machine.register(SP)) == (0x5000, 0x20FE)
        assert machine.read(0x20FE, 2) == word(CODE + len(code))
        execute(machine, program(double("MOV", post(SP), reg(PC))), at=0x5000)
        assert (machine.register(PC), machine.register(SP)) == (CODE + len(code), 0x2100)


def test_calla_and_reta(machine: Sim430) -> None:
    target, place = 0x31234, CODE_ABOVE
    for source, registers, memory in (
        (immediate(target), {}, {}),
        (reg(5), {5: target}, {}),
        (at(5), {5: DATA}, {DATA: long(target)}),
        (post(5), {5: DATA}, {DATA: long(target)}),
        (indexed(5, -4), {5: DATA + 4}, {DATA: long(target)}),
        (absolute(0x22222), {}, {0x22222: long(target)}),
        (indexed(PC, 0x22222 - (place + 2)), {}, {0x22222: long(target)}),
    ):
        code = program(calla(source))
        execute(machine, code, {**registers, SP: 0x2100}, memory, at=place)
        assert (machine.register(PC), machine.register(SP)) == (target, 0x20FC)
        assert machine.read(0x20FC, 4) == long(place + len(code))
        execute(machine, program(mova(post(SP), reg(PC))), at=target)
        assert (machine.register(PC), machine.register(SP)) == (place + len(code), 0x2100)


def test_push(machine: Sim430) -> None:
    def pushed(code: list[int], registers: dict[int, int], size: int) -> bytes:
        execute(machine, program(code), {SP: 0x2100, **registers}, {0x20F0: b"\xcc" * 0x10})
        assert machine.register(SP) == 0x2100 - size
        return machine.read(0x2100 - size, size)

    assert pushed(single("PUSH", reg(5)), {5: 0x54321}, 2) == word(0x4321)
    assert pushed(single("PUSH", reg(5), "B"), {5: 0x54321}, 2) == b"\x21\xcc"
    assert pushed(single("PUSH", reg(5), LONG), {5: 0x54321}, 4) == long(0x54321)
    assert pushed(single("PUSH", immediate(0x7654)), {}, 2) == word(0x7654)
    assert pushed(single("PUSH", constant(8)), {}, 2) == word(8)
    assert pushed(single("PUSH", reg(SP)), {}, 2) == word(0x20FE)  # moved first
    assert pushed(single("PUSH", reg(5), WORD, True, repeat=3), {5: 7}, 6) == word(7) * 3


def test_push_and_pop_many(machine: Sim430) -> None:
    values = {n: 0x10000 * n + n * 0x111 for n in range(4, 16)}
    for width, size in ((WORD, 2), (LONG, 4)):
        execute(machine, program(push_many("PUSHM", 5, 10, width)), {**values, SP: 0x2100})
        assert machine.register(SP) == 0x2100 - 5 * size
        stored = machine.read(0x2100 - 5 * size, 5 * size)
        expected = b"".join(values[n].to_bytes(4, "little")[:size] for n in range(6, 11))
        assert stored == expected
        execute(machine, program(push_many("POPM", 5, 15, width)), {SP: 0x2100 - 5 * size})
        assert machine.register(SP) == 0x2100
        mask = 0xFFFF if width == WORD else 0xFFFFF
        assert [machine.register(n) for n in range(11, 16)] == [values[n] & mask for n in range(6, 11)]


def test_return_from_interrupt(machine: Sim430) -> None:
    """The status word holds bits 19:16 of the program counter at its top."""
    cycles = execute(machine, program([0x1300]), {SP: 0x2100}, {0x2100: word(0x3107) + word(0x4568)})
    assert (machine.register(PC), machine.register(2), machine.register(SP)) == (0x34568, 0x107, 0x2104)
    assert cycles == 5


def test_how_runs_end(machine: Sim430) -> None:
    machine.write(CODE, program(double("ADD", constant(1), reg(4)), jump("JMP", -2)))
    machine.set_register(PC, CODE)
    machine.set_register(2, 0)
    assert machine.run(instructions=10) is Stop.LIMIT
    before = machine.counters.cycles
    assert machine.run(cycles=100) is Stop.LIMIT
    assert 100 <= machine.counters.cycles - before < 102
    assert machine.run(halt=CODE + 2) is Stop.HALT
    assert machine.register(PC) == CODE + 2
    machine.write(CODE, program(double("BIS", immediate(0x10), reg(2))))
    machine.set_register(PC, CODE)
    assert machine.run(instructions=10) is Stop.OFF
    assert machine.register(PC) == CODE + 4


def test_call_from_the_host(machine: Sim430) -> None:
    """Arguments in registers and on the stack: R12 + R15 + fifth + sixth, result in R13:R12."""
    function = program(
        double("ADD", reg(15), reg(12)),
        double("ADD", indexed(SP, 2), reg(12)),
        double("ADD", indexed(SP, 4), reg(12)),
        double("MOV", immediate(0xBEEF), reg(13)),
        double("MOV", post(SP), reg(PC)),
    )
    machine.write(CODE, function)
    assert machine.call(CODE, 1, 2, 3, 40, 500, 6000) == 0xBEEF_0000 + 6541
    machine.write(CODE, program(jump("JMP", -1)))
    with pytest.raises(TimeoutError):
        machine.call(CODE, cycles=100)
