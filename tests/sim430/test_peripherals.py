"""CRC32 module, UART, protected registers, and the wait states of the FRAM controller."""

from __future__ import annotations

import zlib

import pytest
from assembler import BYTE, PC, absolute, at, double, immediate, jump, post, program, reg
from bench import CODE, DATA, execute
from hypothesis import given, settings
from hypothesis import strategies as st
from sim430 import FRAM, FRCTL0, DeviceError, Sim430, Stop

CRC = 0x980
CHECK = b"123456789"


def poke(machine: Sim430, address: int, value: int, width: str = "W") -> None:
    execute(machine, program(double("MOV", immediate(value), absolute(address), width)))


def peek(machine: Sim430, address: int) -> int:
    execute(machine, program(double("MOV", absolute(address), reg(9))))
    return machine.register(9)


def seed(machine: Sim430) -> None:
    for offset in (0x08, 0x0A, 0x18):
        poke(machine, CRC + offset, 0xFFFF)


def test_crc_of_the_check_string(machine: Sim430) -> None:
    """The values of the catalogue of parametrised CRC algorithms."""
    seed(machine)
    for byte in CHECK:
        poke(machine, CRC + 0x00, byte, BYTE)  # CRC32DI
        poke(machine, CRC + 0x10, byte, BYTE)  # CRC16DI
    assert (
        peek(machine, CRC + 0x0C) << 16 | peek(machine, CRC + 0x0E) == 0xFFFFFFFF - 0xCBF43926
    )  # RESR: CRC-32, not yet inverted
    assert peek(machine, CRC + 0x1E) == 0x6F91  # CRC-16/MCRF4XX
    assert peek(machine, CRC + 0x18) == 0x89F6
    seed(machine)
    for byte in CHECK:
        poke(machine, CRC + 0x07, byte, BYTE)  # CRC32DIRB, its byte 0
        poke(machine, CRC + 0x14, byte, BYTE)  # CRC16DIRB
    assert peek(machine, CRC + 0x0A) << 16 | peek(machine, CRC + 0x08) == 0x0376E6E7  # CRC-32/MPEG-2
    assert peek(machine, CRC + 0x18) == 0x29B1  # CRC-16/IBM-3740


def test_crc_by_words(machine: Sim430) -> None:
    data = bytes(range(40, 80))
    seed(machine)
    for i in range(0, len(data), 2):
        poke(machine, CRC + (i & 2), int.from_bytes(data[i : i + 2], "little"))  # CRC32DIW0, CRC32DIW1 in turn
    assert peek(machine, CRC + 0x0C) << 16 | peek(machine, CRC + 0x0E) == 0xFFFFFFFF - zlib.crc32(data)


def test_uart(machine: Sim430) -> None:
    poke(machine, 0x5CE, ord("?"), BYTE)
    assert machine.output == b""  # held in reset by UCSWRST
    poke(machine, 0x5C0, 0)
    assert peek(machine, 0x5DC) & 2  # UCTXIFG: ready
    code = program(double("MOV", post(5), absolute(0x5CE), BYTE), jump("JMP", -3))
    machine.write(CODE, code)
    machine.write(DATA, b"hello, world")
    machine.set_register(PC, CODE)
    machine.set_register(5, DATA)
    assert machine.run(text="o, w") is Stop.TEXT
    assert machine.output == b"hello, w"
    assert machine.run(text="ld") is Stop.TEXT
    assert machine.output == b"hello, world"
    machine.lose_power()
    assert machine.output == b"hello, world"


def test_passwords(machine: Sim430) -> None:
    poke(machine, 0x15C, 0x5A80)
    poke(machine, FRCTL0, 0xA510)
    assert (peek(machine, 0x15C), peek(machine, FRCTL0)) == (0x6980, 0x9610)
    for address, value, width in ((0x15C, 0x80, "W"), (FRCTL0, 0x5A00, "W"), (FRCTL0, 0, BYTE)):
        with pytest.raises(DeviceError, match="bad password"):
            poke(machine, address, value, width)


class Cache:
    """The FRAM read cache: two sets of two lines of 8 bytes, the line used longest ago is replaced."""

    def __init__(self) -> None:
        self.sets: list[list[int]] = [[], []]
        self.misses = 0

    def access(self, address: int) -> None:
        line = address // 8
        lines = self.sets[line % 2]
        if line in lines:
            lines.remove(line)
        else:
            self.misses += 1
        lines.append(line)
        del lines[:-2]


@settings(max_examples=30, deadline=None)
@given(addresses=st.lists(st.integers(0, 15).map(lambda i: 0x8000 + 4 * i), max_size=40), waits=st.integers(0, 3))
def test_wait_states(addresses: list[int], waits: int) -> None:
    """Data reads from FRAM, code in FRAM too: every miss costs the wait states, hits and SRAM cost none."""
    machine = Sim430()
    poke(machine, FRCTL0, 0xA500 | waits << 4)
    cache = Cache()
    cache.access(CODE)
    before = machine.counters
    assert before.wait_cycles == 0  # were set by the last word of the first line
    for address in addresses:
        execute(machine, program(double("MOV", at(5), reg(6))), {5: address})
        cache.access(CODE)
        cache.access(address)
    after = machine.counters
    expected = (cache.misses - 1) * waits
    assert after.wait_cycles - before.wait_cycles == expected
    assert after.cycles - before.cycles == 2 * len(addresses) + expected


def test_writes_wait_and_are_counted() -> None:
    machine = Sim430()
    poke(machine, FRCTL0, 0xA520)
    before = machine.counters
    execute(machine, program(double("MOV", reg(5), absolute(0x8000), "A")), {5: 0x12345})
    after = machine.counters
    assert after.fram.writes - before.fram.writes == 2
    assert after.wait_cycles - before.wait_cycles == 2 * 2  # four words of code: one line, in the cache already
    execute(machine, program(double("ADD", reg(5), absolute(DATA), "A")))
    last = machine.counters
    assert (last.sram.reads - after.sram.reads, last.sram.writes - after.sram.writes) == (2, 2)
    assert last.fram.fetches - after.fram.fetches == 3


def test_code_in_sram_does_not_wait() -> None:
    machine = Sim430()
    poke(machine, FRCTL0, 0xA510)
    before = machine.counters
    execute(machine, program(double("MOV", immediate(1), reg(5))), at=DATA)
    after = machine.counters
    assert after.wait_cycles == before.wait_cycles
    assert after.sram.fetches - before.sram.fetches == 2


def test_profile() -> None:
    machine = Sim430()
    machine.write(CODE, program(double("ADD", reg(4), reg(5)), jump("JMP", -2)))
    machine.set_register(PC, CODE)
    machine.run(instructions=21)
    cost = machine.cost(range(CODE, CODE + 4))
    assert (cost.calls, cost.instructions, cost.cycles) == (11, 21, 11 + 20)
    assert machine.cost(range(FRAM.start, CODE)).instructions == 0
