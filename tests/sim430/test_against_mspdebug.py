"""Random programs of the base instruction set, run here and in mspdebug's simulator (an independent one, without MSP430X)."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from assembler import (
    BYTE,
    DOUBLE,
    PC,
    SP,
    WORD,
    Operand,
    absolute,
    at,
    constant,
    double,
    immediate,
    indexed,
    jump,
    post,
    program,
    reg,
    single,
)
from bench import CODE, DATA
from sim430 import Sim430

pytestmark = pytest.mark.skipif(shutil.which("mspdebug") is None, reason="mspdebug is not installed (apt install mspdebug)")

BUFFER = range(DATA, DATA + 48)  # what operands lie in; R11 points to its middle
LOG = range(0x2100, 0x2200)  # the status after each instruction
STACK = 0x2300
STEPS = 60
PROGRAMS = 60


def source(rng: random.Random) -> Operand:
    place = rng.randrange(0, 24)
    return rng.choice(
        [
            reg(rng.randrange(4, 11)),
            reg(rng.randrange(4, 11)),
            immediate(rng.randrange(0x10000)),
            constant(rng.choice([0, 1, 2, 4, 8, -1])),
            indexed(11, place - 12),
            absolute(BUFFER.start + place),
            at(11),
            post(11),
        ]
    )


def target(rng: random.Random) -> Operand:
    place = rng.randrange(0, 24)
    registers = [reg(rng.randrange(4, 11))] * 3
    return rng.choice([*registers, indexed(11, place - 12), absolute(BUFFER.start + place)])


def even(operand: Operand) -> Operand:
    """Words lie at even addresses: what happens elsewhere differs between simulators."""
    if operand.mode == 1 and operand.word is not None:
        return Operand(operand.reg, 1, operand.word & 0xFFFE)
    return operand


def instruction(rng: random.Random) -> list[int]:
    width = rng.choice([BYTE, WORD])
    kind = rng.random()
    if kind < 0.65:
        name = rng.choice([name for name in DOUBLE if name != "DADD"])  # undefined for most numbers; has a test of its own
        from_, to = source(rng), target(rng)
        return double(name, from_, to, width) if width == BYTE else double(name, even(from_), even(to), width)
    if kind < 0.85:
        name = rng.choice(["RRC", "RRA", "SWPB", "SXT"])
        return single(name, even(target(rng)), width if name in ("RRC", "RRA") else WORD)
    if kind < 0.93:
        pushed = rng.choice([reg(rng.randrange(4, 11)), at(11), immediate(rng.randrange(0x10000))])
        return single("PUSH", pushed) + double("MOV", post(SP), reg(rng.randrange(4, 11)))
    return jump(rng.choice(["JNE", "JEQ", "JNC", "JC", "JN", "JGE", "JL", "JMP"]), 1) + double("XOR", constant(-1), reg(4))


def random_program(rng: random.Random) -> tuple[bytes, bytes, dict[int, int]]:
    """Code, which ends in a jump to itself; data; registers."""
    words: list[list[int]] = []
    for step in range(STEPS):
        words.append(instruction(rng))
        words.append(double("MOV", reg(2), absolute(LOG.start + 2 * step)))
        words.append(double("MOV", immediate(BUFFER.start + 12), reg(11)))
    words.append(jump("JMP", -1))
    registers = {n: rng.randrange(0x10000) for n in range(4, 16)} | {PC: CODE, SP: STACK, 2: 0, 11: BUFFER.start + 12}
    return program(*words), rng.randbytes(len(BUFFER)), registers


def commands(code: bytes, data: bytes, registers: dict[int, int]) -> list[str]:
    lines = [f"fill 0x{LOG.start:x} {len(LOG)} 00", f"fill 0x{STACK - 16:x} 16 00"]
    for base, content in ((CODE, code), (BUFFER.start, data)):
        for i in range(0, len(content), 16):
            lines.append(f"mw 0x{base + i:x} {content[i : i + 16].hex(' ')}")
    lines += [f"set {n} 0x{value:x}" for n, value in registers.items()]
    return [*lines, f"step {5 * STEPS}", f"md 0x{BUFFER.start:x} 0x{LOG.stop - BUFFER.start:x}", "regs"]


def results(text: str) -> list[tuple[bytes, dict[int, int]]]:
    """What mspdebug says after each program: the memory, R4..R15."""
    found = []
    for part in re.split(r"(?=^    0*2000: )", text, flags=re.MULTILINE)[1:]:
        memory = b"".join(bytes.fromhex(m[1]) for m in re.finditer(r"^    0\w+: ((?:\w\w ){1,16})\|", part, re.MULTILINE))
        shown = re.findall(r"\(\s*R(\d+): (\w+)\)", part)[:13]  # R3..R15; what follows is of the next program
        registers = {int(n): int(value, 16) for n, value in shown}
        found.append((memory, registers))
    return found


def test_random_programs(tmp_path: Path) -> None:
    rng = random.Random(430)
    programs = [random_program(rng) for _ in range(PROGRAMS)]
    script = tmp_path / "script"
    script.write_text("\n".join(line for p in programs for line in commands(*p)) + "\n")
    run = subprocess.run(["mspdebug", "-q", "sim", f"read {script}"], capture_output=True, text=True, timeout=60)
    theirs = results(run.stdout)
    assert len(theirs) == PROGRAMS, run.stdout[-500:] + run.stderr
    machine = Sim430()
    for number, (code, data, registers) in enumerate(programs):
        machine.write(CODE, code)
        machine.write(BUFFER.start, data + bytes(LOG.stop - BUFFER.stop))
        for n, value in registers.items():
            machine.set_register(n, value)
        machine.run(halt=CODE + len(code) - 2, instructions=5 * STEPS)
        memory, their_registers = theirs[number]
        assert machine.read(LOG.start, len(LOG)) == memory[LOG.start - BUFFER.start :], number
        assert machine.read(BUFFER.start, len(BUFFER)) == memory[: len(BUFFER)], number
        for n in range(4, 16):
            assert machine.register(n) & 0xFFFF == their_registers[n], (number, n)  # SXT fills 20 bits here
