"""The MSP430FR5994 port's run-time library, function by function, on the simulated CPU."""

from __future__ import annotations

import random
import subprocess
import zlib

import pytest
from freeml_pack.firmware import msp430
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sim430 import SRAM, Image, Sim430

EDGES = [0, 1, 2, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x10001, 0x7FFFFFFF, 0x80000000, 0xFFFF0000, 0xFFFFFFFF]
words = st.one_of(st.sampled_from(EDGES), st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1))
relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BUFFER = SRAM.start


@pytest.fixture(scope="module")
def machine(of_clang: msp430.Common, tmp_path_factory: pytest.TempPathFactory) -> Sim430:
    """The port's functions that the compiler and the core call, without a program around them."""
    output = tmp_path_factory.mktemp("library") / "library.elf"
    objects = [str(path) for path in of_clang.objects if path.name in ("runtime.S.o", "bytes.S.o", "crc32.S.o")]
    command = [
        of_clang.toolchain.linker,
        "--entry=memcpy",
        "--image-base=0x4000",
        "-N",
        "-Ttext=0x4400",
        "-o",
        str(output),
        *objects,
    ]
    subprocess.run(command, check=True)
    return Sim430(Image.from_elf(output))


def long(value: int) -> tuple[int, int]:
    return value & 0xFFFF, value >> 16


def signed(value: int, bits: int = 32) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


@relaxed
@given(a=words, b=words)
def test_multiply_and_divide(machine: Sim430, a: int, b: int) -> None:
    assert machine.call("__mspabi_mpyl_f5hw", *long(a), *long(b)) == a * b % 2**32
    assert machine.call("__mspabi_mpyi_f5hw", a & 0xFFFF, b & 0xFFFF) & 0xFFFF == a * b % 2**16
    if b != 0:
        assert machine.call("__mspabi_divul", *long(a), *long(b)) == a // b
        assert machine.call("__mspabi_remul", *long(a), *long(b)) == a % b
    a, b = a & 0xFFFF, b & 0xFFFF
    if b != 0:
        assert machine.call("__mspabi_divu", a, b) & 0xFFFF == a // b
        assert machine.call("__mspabi_remu", a, b) & 0xFFFF == a % b


@relaxed
@given(a=words, count=st.integers(0, 31))
def test_shifts(machine: Sim430, a: int, count: int) -> None:
    assert machine.call("__mspabi_slll", *long(a), count) == a << count & 0xFFFFFFFF
    assert machine.call("__mspabi_srll", *long(a), count) == a >> count
    assert machine.call("__mspabi_sral", *long(a), count) == signed(a) >> count & 0xFFFFFFFF
    a, count = a & 0xFFFF, count & 15
    assert machine.call("__mspabi_slli", a, count) & 0xFFFF == a << count & 0xFFFF
    assert machine.call("__mspabi_srli", a, count) & 0xFFFF == a >> count
    assert machine.call("__mspabi_srai", a, count) & 0xFFFF == signed(a, 16) >> count & 0xFFFF


def test_registers_that_a_callee_must_keep(machine: Sim430) -> None:
    """R4..R10 and the stack pointer (SLAA534 3.3)."""
    for function in (
        "__mspabi_divul",
        "__mspabi_divu",
        "__mspabi_mpyl_f5hw",
        "__mspabi_sral",
        "fml_crc32",
        "far_copy",
    ):
        for n in range(4, 11):
            machine.set_register(n, 0x1111 * n)
        machine.call(function, 0x1C00, 0x1D00, 4, 4, 0, 0x1E00)
        assert [machine.register(n) for n in range(4, 11)] == [0x1111 * n for n in range(4, 11)], function
        assert machine.register(1) == SRAM.stop - 4


def test_copies(machine: Sim430) -> None:
    rng = random.Random(1)
    for size in (0, 1, 2, 3, 17, 64):
        for shift in range(4):
            data = rng.randbytes(size)
            for source in (0x8000 + shift, 0x23456 + shift):
                machine.write(BUFFER, b"\xee" * 100)
                machine.write(source, data)
                machine.call("far_copy", BUFFER + 10, *long(source), size)
                assert machine.read(BUFFER, 100) == b"\xee" * 10 + data + b"\xee" * (90 - size)
            for function, sizes in (("memcpy", (size,)), ("fml_copy", long(size))):
                machine.write(BUFFER, b"\xee" * 100)
                machine.call(function, BUFFER + 11 - shift, 0x8000 + shift, *sizes)
                expected = machine.read(0x8000 + shift, size)
                assert machine.read(BUFFER + 11 - shift, size) == expected
                assert machine.read(BUFFER, 11 - shift) + machine.read(BUFFER + 11 - shift + size, 20) == b"\xee" * (31 - shift)
            machine.call("memset", BUFFER + shift, 0x1A5, size)
            assert machine.read(BUFFER + shift, size) == b"\xa5" * size


@relaxed
@given(a=words, b=words)
def test_products_of_sizes(machine: Sim430, a: int, b: int) -> None:
    assert machine.call("fml_product", *long(a), *long(b)) == (
        min(a * b, 0x7FFFFFFF) if b == 0 or a <= 0x7FFFFFFF // b else 0x7FFFFFFF
    )


@relaxed
@given(data=st.binary(max_size=60), start=words, place=st.integers(0x8000, 0x8003))
def test_crc32(machine: Sim430, data: bytes, start: int, place: int) -> None:
    machine.write(place, data)
    assert machine.call("fml_crc32", *long(start), place, len(data)) == zlib.crc32(data, start)
