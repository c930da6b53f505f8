"""The MSP430FR5994 port's inner loops in assembly, on the simulated CPU."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from bench import spent
from freeml_pack.firmware import msp430
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sim430 import SRAM, Image, Sim430

BUFFER = SRAM.start
WEIGHTS, VALUES, CHANNELS = 0x8001, 0x9001, 0xA000


@pytest.fixture(scope="module")
def machine(common: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Sim430:
    output = tmp_path_factory.mktemp("loops") / "loops.elf"
    objects = [str(path) for path in common if path.name in ("dot.S.o", "requantize.S.o")]
    script = output.with_suffix(".ld")
    script.write_text("SECTIONS { .fast 0x4400 : { *(.fast.*) } }")
    command = [msp430.tools()[1], "--entry=dot_pack", "-N", "-T", str(script), "-o", str(output), *objects]
    subprocess.run(command, check=True)
    return Sim430(Image.from_elf(output))


def operands(taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """int8 [taps, 4] weights, [2, taps] values, extremes included; int32 [2, 4] sums."""
    rng = np.random.default_rng(taps)
    weights, values = rng.integers(-128, 128, (taps, 4), np.int8), rng.integers(-128, 128, (2, taps), np.int8)
    weights[:, 0] = values[0] = -128
    weights[:, 1] = 127
    return weights, values, (values.astype(np.int32) @ weights.astype(np.int32)).astype("<i4")


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("taps", [1, 2, 7, 8, 9, 16, 27, 150, 160])
def test_sums(machine: Sim430, taps: int, channels: int) -> None:
    weights, values, sums = operands(taps)
    machine.write(WEIGHTS, weights.tobytes())
    machine.write(VALUES, values.tobytes())
    machine.write(BUFFER, b"\xee" * 32)
    machine.call("dot_single", WEIGHTS, VALUES, taps, channels, BUFFER)
    assert machine.read(BUFFER, 32) == sums[0, :channels].tobytes() + b"\xee" * (32 - 4 * channels)
    machine.call("dot_pack", BUFFER + 64, VALUES, VALUES + taps, taps)
    machine.call("dot_pairs", WEIGHTS, BUFFER + 64, taps, channels, BUFFER)
    found = np.frombuffer(machine.read(BUFFER, 32), "<i4").reshape(2, 4)
    assert (found[:, :channels] == sums[:, :channels]).all()


def test_packing_may_write_over_what_it_has_read(machine: Sim430) -> None:
    """As conv_2d.c lays out its scratch: gathered bytes from the third quarter of the pairs on."""
    for taps in range(1, 161):
        _, values, _ = operands(taps)
        machine.write(BUFFER + 3 * taps, values.tobytes())
        machine.call("dot_pack", BUFFER, BUFFER + 3 * taps, BUFFER + 4 * taps, taps)
        pairs = values[0].astype(np.int64) + (values[1].astype(np.int64) << 23)
        assert machine.read(BUFFER, 4 * taps) == pairs.astype("<i4").tobytes(), taps


def test_cycles_of_a_product(machine: Sim430) -> None:
    """Without FRAM waits: the floor of one value at a time is 8."""
    weights, values, _ = operands(160)
    machine.write(WEIGHTS, weights.tobytes())
    machine.write(VALUES, values.tobytes())
    for function, most, products in (("dot_single", 9.6, 640), ("dot_pairs", 7.3, 1280)):
        before = machine.counters
        machine.call(function, WEIGHTS, BUFFER, 160, 4, BUFFER + 1000)
        assert spent(before, machine.counters) / products < most


int32s = st.one_of(
    st.integers(-(2**31), 2**31 - 1), st.integers(-(2**20), 2**20), st.sampled_from([0, 1, -1, 2**31 - 1, -(2**31)])
)
channel = st.tuples(int32s, st.one_of(st.integers(0, 32767), st.integers(16384, 32767)), st.integers(1, 31))


def expected(total: int, multiplier: int, shift: int, left_shift: int, zero_point: int, low: int, high: int) -> int:
    """SPEC.md, "Requantization"."""
    wrapped = (total << left_shift) + 2**31 & 0xFFFFFFFF
    t = (wrapped - 2**31) * multiplier >> 16
    rounded = (t >> shift - 1) + 1 >> 1
    return min(max(rounded + zero_point, low), high)


def factor_of(multiplier: int, shift: int) -> int:
    """requantize.h."""
    s = shift - 1
    return multiplier << (32 - s) if s >= 16 else multiplier << (16 - s) | 1 << 31


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    outputs=st.lists(st.tuples(int32s, channel), min_size=1, max_size=4),
    left_shift=st.integers(0, 15),
    zero_point=st.integers(-128, 127),
    clamp=st.tuples(st.integers(-128, 127), st.integers(-128, 127)).map(sorted),
    there=st.one_of(st.none(), st.lists(st.integers(-128, 127), min_size=4, max_size=4)),
)
def test_requantization(
    machine: Sim430,
    outputs: list[tuple[int, tuple[int, int, int]]],
    left_shift: int,
    zero_point: int,
    clamp: list[int],
    there: list[int] | None,
) -> None:
    low, high = clamp
    sums, channels, to = BUFFER, BUFFER + 64, BUFFER + 0x101
    machine.write(sums, b"".join(struct.pack("<i", total) for total, _ in outputs))
    machine.write(channels, b"".join(struct.pack("<iI", bias, factor_of(m, s)) for _, (bias, m, s) in outputs))
    machine.write(to, struct.pack("4b", *(there or (0, 0, 0, 0))))
    work = (sums, channels, to, len(outputs), 1 << left_shift, zero_point, low, high, there is not None)
    machine.write(BUFFER + 0x200, struct.pack("<5H3hH", *work))
    machine.call("requantize", BUFFER + 0x200)
    found = struct.unpack("4b", machine.read(to, 4))[: len(outputs)]
    wanted = [
        expected(total + bias, m, s, left_shift, zero_point, low if there is None else there[i], high)
        for i, (total, (bias, m, s)) in enumerate(outputs)
    ]
    assert list(found) == wanted
