"""Random MSP430X programs, run here and in the simulator of GDB, another independent one. It is in no Debian package: build it
from GDB's sources (configure --target=msp430-elf --enable-sim) and name it in MSP430_GDB_SIM. Known to differ, and left out: V,
the carry of SXT, decimal addition, SWPBX.A (there it clears bits 19:16), destinations relative to the register that the source
increments."""

from __future__ import annotations

import os
import random
import struct
import subprocess
from pathlib import Path

import pytest
from assembler import (
    BYTE,
    DOUBLE,
    LONG,
    PC,
    SP,
    WORD,
    Operand,
    absolute,
    address_arithmetic,
    at,
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
from bench import CODE
from sim430 import Sim430

SIMULATOR = os.environ.get("MSP430_GDB_SIM")
pytestmark = pytest.mark.skipif(not SIMULATOR, reason="MSP430_GDB_SIM does not name GDB's simulator (see the top of this file)")

BUFFER = 0x8000
RESULT = range(BUFFER, BUFFER + 64 + 4 * 7 + 2 * 40)  # operands; R4..R10 at the end; status after each instruction
REGISTERS, LOG = BUFFER + 64, BUFFER + 64 + 4 * 7
STEPS = 40
PROGRAMS = 400
PLAIN = [name for name in DOUBLE if name != "DADD"]
VISIBLE = 0x07  # C, Z, N


def operand(rng: random.Random, width: str) -> Operand:
    place = rng.randrange(0, 56, 1 if width == BYTE else 2)
    return rng.choice([reg(rng.randrange(4, 11)), absolute(BUFFER + place), indexed(11, place - 32)])


def source(rng: random.Random, width: str) -> Operand:
    mask = {BYTE: 0xFF, WORD: 0xFFFF, LONG: 0xFFFFF}[width]
    special = [immediate(rng.randrange(0x100000) & mask), constant(rng.choice([0, 1, 2, 4, 8, -1])), at(11), post(11)]
    return rng.choice([operand(rng, width), *special])


def as_gnu(words: list[int]) -> list[int]:
    """Format II with bits 19:16 of the index where GNU as and GDB have them."""
    is_indexed = words[1] >> 4 & 3 == 1
    return [words[0] & ~15 | (words[0] & 15) << 7, *words[1:]] if is_indexed else words


def instruction(rng: random.Random) -> list[int]:
    width = rng.choice([BYTE, WORD, LONG])
    a, b = rng.randrange(4, 11), rng.randrange(4, 11)
    match rng.randrange(8):
        case 0 | 1 | 2:
            from_, to = source(rng, width), operand(rng, width)
            if from_ == post(11) and to.reg == 11:
                to = absolute(BUFFER)
            return double(rng.choice(PLAIN), from_, to, width, extended=True)
        case 3:
            name = rng.choice(["RRA", "RRC", "SWPB"])
            return as_gnu(single(name, operand(rng, LONG), WORD if name == "SWPB" else width, extended=True))
        case 4:
            return shift_many(rng.choice(["RRCM", "RRAM", "RLAM", "RRUM"]), rng.randrange(1, 5), a, rng.choice([WORD, LONG]))
        case 5:
            name = rng.choice(["CMPA", "ADDA", "SUBA"])
            return address_arithmetic(name, rng.choice([reg(a), immediate(rng.randrange(0x100000))]), b)
        case 6:
            from_ = rng.choice(
                [reg(a), immediate(rng.randrange(0x100000)), at(11), post(11), absolute(BUFFER + 8), indexed(11, -8)]
            )
            return (
                mova(from_, reg(b)) if rng.random() < 0.6 else mova(reg(a), rng.choice([absolute(BUFFER + 12), indexed(11, 4)]))
            )
        case _:
            count, width = rng.randrange(1, 5), rng.choice([WORD, LONG])
            if rng.random() < 0.5:
                return push_many("PUSHM", count, rng.randrange(8, 11), width) + push_many(
                    "POPM", count, rng.randrange(8, 11), width
                )
            return double("ADDC", reg(a), reg(b), width, extended=True, repeat=rng.randrange(1, 17))


def random_program(rng: random.Random) -> list[list[int]]:
    words = [double("MOV", immediate(0x3B00), reg(SP)), double("MOV", constant(0), reg(2))]
    words += [mova(immediate(rng.randrange(0x100000)), reg(n)) for n in range(4, 11)]
    for step in range(STEPS):
        words.append(mova(immediate(BUFFER + 32), reg(11)))
        words.append(instruction(rng))
        words.append(double("MOV", reg(2), absolute(LOG + 2 * step), WORD, extended=True))
    words += [mova(reg(n), absolute(REGISTERS + 4 * (n - 4))) for n in range(4, 11)]
    return words


def elf(segments: dict[int, bytes]) -> bytes:
    """An ELF file of machine MSP430 that starts at CODE, with a section for each segment (GDB's loader wants those)."""
    names, body = b"\0.text\0.shstrtab\0", b"".join(segments.values())
    programs, sections = b"", bytes(40)
    offset = 52 + 32 * len(segments)
    for address, data in segments.items():
        programs += struct.pack("<8I", 1, offset, address, address, len(data), len(data), 7, 1)
        sections += struct.pack("<10I", 1, 1, 7, address, offset, len(data), 0, 0, 2, 0)
        offset += len(data)
    sections += struct.pack("<10I", 7, 3, 0, 0, offset, len(names), 0, 0, 1, 0)
    count = len(segments)
    sizes = struct.pack("<IIIIHHHHHH", CODE, 52, offset + len(names), 0x2D, 52, 32, count, 40, count + 2, count + 1)
    return b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 105, 1) + sizes + programs + body + names + sections


def test_random_programs(tmp_path: Path) -> None:
    rng = random.Random(430)
    machine = Sim430()
    # System calls of the GDB simulator: write R14 bytes at R13 to file R12, exit.
    write = program(
        double("MOV", constant(1), reg(12)),
        mova(immediate(RESULT.start), reg(13)),
        double("MOV", immediate(len(RESULT)), reg(14)),
        single("CALL", immediate(0x185)),
        double("MOV", constant(0), reg(12)),
        single("CALL", immediate(0x181)),
    )
    for number in range(PROGRAMS):
        words, data = random_program(rng), rng.randbytes(64) + bytes(len(RESULT) - 64)
        code = program(*words)
        path = tmp_path / "program.elf"
        path.write_bytes(elf({CODE: code + write, BUFFER: data}))
        theirs = subprocess.run([str(SIMULATOR), str(path)], capture_output=True, timeout=20).stdout
        assert len(theirs) == len(RESULT), number
        machine.write(CODE, code)
        machine.write(BUFFER, data)
        machine.set_register(PC, CODE)
        machine.run(halt=CODE + len(code), instructions=1000)
        ours = machine.read(BUFFER, len(RESULT))
        statuses = [(ours[i] & VISIBLE, theirs[i] & VISIBLE) for i in range(LOG - BUFFER, len(RESULT), 2)]
        first = next((i for i, (a, b) in enumerate(statuses) if a != b), None)
        where = f"program {number}, status differs first after " + (
            " ".join(f"{w:04x}" for w in words[9 + 3 * first + 1]) if first is not None else "none"
        )
        assert first is None, where
        assert ours[: LOG - BUFFER] == theirs[: LOG - BUFFER], where
