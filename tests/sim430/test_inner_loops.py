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
WORK, PAIRS, TO = BUFFER + 0x800, BUFFER, BUFFER + 0x900
RANGE = (3, 1 << 2, -100, 110, 0)  # zero point, scale, low, high, no pools


@pytest.fixture(scope="module")
def machine(common: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Sim430:
    output = tmp_path_factory.mktemp("loops") / "loops.elf"
    wanted = ("dot.S.o", "requantize.S.o", "encoded.S.o", "rows.S.o", "pool.S.o")
    objects = [str(path) for path in common if path.name in wanted]
    script = output.with_suffix(".ld")
    script.write_text("SECTIONS { .fast 0x4400 : { *(.fast.*) *(.text.*) } .noinit 0x3000 (NOLOAD) : { *(.noinit.*) } }")
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


def prepare(machine: Sim430, weights: np.ndarray, values: np.ndarray, channels: int, of: int = VALUES) -> None:
    """A dot_work of `channels` channels, and as many more fours of the same weights as that takes."""
    taps = len(weights)
    machine.write(WEIGHTS, weights.tobytes() * -(-channels // 4))
    machine.write(VALUES, values.tobytes())
    machine.write(CHANNELS, struct.pack("<iI", 77, factor_of(20000, 18)) * channels)
    work = struct.pack("<h H h h H H H H H H H H H", *RANGE, WEIGHTS, of, taps, channels, CHANNELS, TO, TO + 64, WEIGHTS)
    machine.write(WORK, work + bytes(12))
    machine.write(TO, b"\xee" * 128)
    machine.call("dot_prepare", WORK)


def pack(machine: Sim430, taps: int) -> None:
    machine.write(WORK + 128, struct.pack("<6H", PAIRS, VALUES, VALUES + taps, taps, 1, 0))
    machine.call("dot_pack", WORK + 128)


def int8s(sums: np.ndarray, channels: int) -> bytes:
    zero_point, _, low, high, _ = RANGE
    tiled = np.tile(sums, -(-channels // 4))[:channels]
    return struct.pack(f"{channels}b", *(expected(int(s) + 77, 20000, 18, 2, zero_point, low, high) for s in tiled))


@pytest.mark.parametrize("channels", [1, 3, 4, 6])
@pytest.mark.parametrize("taps", [1, 2, 7, 8, 9, 10, 16, 17, 27, 150, 160])
def test_outputs(machine: Sim430, taps: int, channels: int) -> None:
    weights, values, sums = operands(taps)
    prepare(machine, weights, values, channels)
    assert [machine.call("dot_sum", WORK) for _ in range(4)] == [int(s) & 0xFFFFFFFF for s in sums[0]]
    machine.call("dot_single", WORK)
    assert machine.read(TO, 64) == int8s(sums[0], channels) + b"\xee" * (64 - channels)
    prepare(machine, weights, values, channels, of=PAIRS)
    pack(machine, taps)
    machine.call("dot_pairs", WORK)
    assert machine.read(TO, channels + 1) == int8s(sums[0], channels) + b"\xee"
    assert machine.read(TO + 64, channels + 1) == int8s(sums[1], channels) + b"\xee"


def test_packing_may_write_over_what_it_has_read(machine: Sim430) -> None:
    """As conv_2d.c lays out its scratch: gathered bytes from the third quarter of the pairs on."""
    for taps in range(1, 161):
        _, values, _ = operands(taps)
        at = BUFFER + 3 * taps
        machine.write(at, values.tobytes())
        machine.write(WORK, struct.pack("<6H", BUFFER, at, at + taps, taps, 1, 0))
        machine.call("dot_pack", WORK)
        pairs = values[0].astype(np.int64) + (values[1].astype(np.int64) << 23)
        assert machine.read(BUFFER, 4 * taps) == pairs.astype("<i4").tobytes(), taps


@pytest.mark.parametrize(("bytes_", "rows", "step"), [(1, 3, 5), (4, 2, 9), (5, 5, 12)])
def test_rows_are_packed(machine: Sim430, bytes_: int, rows: int, step: int) -> None:
    image = np.random.default_rng(1).integers(-128, 128, rows * step + 2, np.int8)
    machine.write(VALUES, image.tobytes())
    machine.write(WORK, struct.pack("<6H", BUFFER, VALUES, VALUES + 2, bytes_, rows, step))
    machine.call("dot_pack", WORK)
    taps = [row * step + i for row in range(rows) for i in range(bytes_)]
    pairs = image[taps].astype(np.int64) + (image[[tap + 2 for tap in taps]].astype(np.int64) << 23)
    assert machine.read(BUFFER, 4 * len(taps)) == pairs.astype("<i4").tobytes()


def test_cycles_of_a_product(machine: Sim430) -> None:
    """Without FRAM waits: the floor of one value at a time is 8."""
    weights, values, _ = operands(160)
    for function, most, products in (("dot_single", 10.4, 640), ("dot_pairs", 7.5, 1280)):
        prepare(machine, weights, values, 4, of=PAIRS)
        pack(machine, 160)
        before = machine.counters
        machine.call(function, WORK)
        assert spent(before, machine.counters) / products < most


@pytest.mark.parametrize("name", ["encoded_four_8", "encoded_four_4"])
@pytest.mark.parametrize("taps", [1, 2, 3, 4, 5, 64, 301])
def test_four_channels_that_share_their_taps(machine: Sim430, name: str, taps: int) -> None:
    """Adds to the sums; entries have a distance in front of the weights."""
    rng = np.random.default_rng(taps)
    codebook, codes = rng.integers(-128, 128, 16, np.int8), rng.integers(0, 16, (taps, 4), np.uint8)
    values, before = rng.integers(-128, 128, taps, np.int8), rng.integers(-(2**20), 2**20, 4)
    weights = codebook[codes]
    stored = weights.view(np.uint8) if name == "encoded_four_8" else codes[:, 0::2] | codes[:, 1::2] << 4
    entries = np.concatenate([np.full((taps, 1), 9, np.uint8), stored], axis=1)
    machine.write(WEIGHTS, entries.tobytes())
    machine.write(VALUES, values.tobytes())
    machine.write(BUFFER, before.astype("<i4").tobytes())
    machine.write(CHANNELS, codebook.tobytes())
    machine.call("encoded_open_codebook", CHANNELS)
    machine.write(WORK, struct.pack("<5H", WEIGHTS + 1, VALUES, BUFFER, taps, entries.shape[1]))
    machine.call(name, WORK)
    sums = before + values.astype(np.int64) @ weights.astype(np.int64)
    assert machine.read(BUFFER, 16) == sums.astype("<i4").tobytes()


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
    work = (zero_point, 1 << left_shift, low, high, there is not None, sums, channels, to, len(outputs), 0)
    machine.write(BUFFER + 0x200, struct.pack("<hHhh6H", *work))
    machine.call("requantize", BUFFER + 0x200)
    found = struct.unpack("4b", machine.read(to, 4))[: len(outputs)]
    wanted = [
        expected(total + bias, m, s, left_shift, zero_point, low if there is None else there[i], high)
        for i, (total, (bias, m, s)) in enumerate(outputs)
    ]
    assert list(found) == wanted
