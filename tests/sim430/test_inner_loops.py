"""The MSP430FR5994 port's inner loops in assembly, on the simulated CPU."""

from __future__ import annotations

import struct
import subprocess
from dataclasses import dataclass

import numpy as np
import pytest
from bench import spent
from freeml_pack.firmware import msp430
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sim430 import SRAM, Image, Sim430

BUFFER = SRAM.start
WEIGHTS, VALUES, CHANNELS = 0x8001, 0x9001, 0xA000
WORK, PAIRS, TO = BUFFER + 0x1200, BUFFER, BUFFER + 0x1300
ENCODED_TAPS = 800
RANGE = (3, 1 << 2, -100, 110, 0)  # zero point, scale, low, high, no pools


@pytest.fixture(scope="module")
def machine(of_clang: msp430.Common, tmp_path_factory: pytest.TempPathFactory) -> Sim430:
    output = tmp_path_factory.mktemp("loops") / "loops.elf"
    wanted = ("dot.S.o", "requantize.S.o", "encoded.S.o", "rows.S.o", "pool.S.o")
    objects = [str(path) for path in of_clang.objects if path.name in wanted]
    script = output.with_suffix(".ld")
    script.write_text("SECTIONS { .fast 0x4400 : { *(.fast.*) *(.text.*) } .noinit 0x3000 (NOLOAD) : { *(.noinit.*) } }")
    command = [of_clang.toolchain.linker, "--entry=dot_pack", "-N", "-T", str(script), "-o", str(output), *objects]
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


@dataclass(frozen=True)
class Stored:
    """Weights as a blob has them: the codebook, counts, entries; loops of even and odd channels."""

    loops: tuple[str, str]
    codebook: np.ndarray | None  # int8 [16]
    counts: list[int]
    entries: bytes
    first: int  # bytes of an entry before its weights
    step: int
    dense: np.ndarray  # int32 [taps, channels]: what all that means

    def cycles(self, machine: Sim430, values: np.ndarray, channels: int, finish: str) -> int:
        """Multiplies with int8 [1 or 2, taps] values; returns cycles without FRAM waits."""
        kind = "one" if len(values) == 1 else "pair"
        if self.codebook is not None:
            machine.write(CHANNELS - 16, self.codebook.tobytes())
            machine.call("encoded_open_codebook", CHANNELS - 16)
        counts = struct.pack(f"<{len(self.counts)}H", *self.counts)
        machine.write(WEIGHTS, counts + self.entries)
        machine.write(CHANNELS, struct.pack("<iI", 77, factor_of(20000, 18)) * channels)
        machine.write(VALUES, values.tobytes())
        at = VALUES
        if kind == "pair":
            at = PAIRS + 2 * (self.first > 0)
            machine.write(PAIRS, (values[0].astype(np.int64) + (values[1].astype(np.int64) << 23)).astype("<i4").tobytes())
        loops = [machine.address(f"encoded_{loop}_{kind}") for loop in self.loops]
        places = (WEIGHTS + len(counts), WEIGHTS if self.counts else 0, at, CHANNELS, TO, TO + 64)
        taps = (len(self.dense), self.first, self.step, self.codebook is not None, 0)
        work = struct.pack("<hHhhH 6H 4H 5H", *RANGE, *places, channels, *loops, machine.address(finish), *taps)
        machine.write(WORK, work)
        machine.write(TO, b"\xee" * 128)
        before = machine.counters
        machine.call("encoded_lists" if self.loops[0].startswith("sparse") else "encoded_fours", WORK)
        assert machine.read(WORK + 10, 2) == struct.pack("<H", places[0] + len(self.entries)) or channels % 4
        return spent(before, machine.counters)


def stored(loops: str, rng: np.random.Generator, counts: list[int], channels: int, gap: int) -> Stored:
    """counts: entries of each channel, or of each four; from tap to tap: up to `gap`."""
    codebook = rng.integers(-128, 128, 16, np.int8) if loops != "sparse_8" and loops != "block_8" else None
    shared = loops.startswith("block")
    dense, entries = np.zeros((ENCODED_TAPS, channels), np.int32), b""
    for index, count in enumerate(counts):
        distances = rng.integers(1, gap + 1, count)
        taps = np.cumsum(distances) - 1
        begin, wide = (4 * index, 4) if shared else (index, 1)
        codes = rng.integers(0, 16, (count, wide), np.uint8)
        weights = rng.integers(-128, 128, (count, wide), np.int8) if codebook is None else codebook[codes]
        distances[:1] -= 1
        columns = [distances[:, None].astype(np.uint8)]
        if loops == "sparse_4":
            columns = [distances[:, None].astype(np.uint8) | codes << 4]
        elif codebook is None:
            columns.append(weights.view(np.uint8))
        else:
            columns.append(codes[:, 0::2] | codes[:, 1::2] << 4)
        entries += np.concatenate(columns, axis=1).tobytes()
        for channel in range(begin, min(begin + wide, channels)):
            dense[taps, channel] = weights[:, channel - begin]
    names = ("block_low", "block_high") if loops == "block_4" else (loops, loops)
    return Stored(names, codebook, counts, entries, 1, 1 + {"block_8": 4, "block_4": 2}.get(loops, 0), dense)


def stored_dense(rng: np.random.Generator, taps: int, channels: int) -> Stored:
    codebook, codes = rng.integers(-128, 128, 16, np.int8), rng.integers(0, 16, (-(-channels // 4), taps, 4), np.uint8)
    entries = (codes[:, :, 0::2] | codes[:, :, 1::2] << 4).tobytes()
    dense = codebook[codes].transpose(1, 0, 2).reshape(taps, -1)[:, :channels].astype(np.int32)
    return Stored(("dense_low", "dense_high"), codebook, [], entries, 0, 2, dense)


def check_encoded(machine: Sim430, weights: Stored, rng: np.random.Generator) -> None:
    taps, channels = weights.dense.shape
    values = rng.integers(-128, 128, (2, taps), np.int8)
    sums = values.astype(np.int32) @ weights.dense
    weights.cycles(machine, values[:1], channels, "encoded_finish_one")
    assert machine.read(TO, 64) == int8s(sums[0], channels) + b"\xee" * (64 - channels)
    weights.cycles(machine, values[:1], channels, "encoded_keep_sum")
    assert machine.read(TO + 64, 4 * channels) == sums[0].astype("<i4").tobytes()
    weights.cycles(machine, values, channels, "dot_finish_pair")
    assert machine.read(TO, 64) == int8s(sums[0], channels) + b"\xee" * (64 - channels)
    assert machine.read(TO + 64, 64) == int8s(sums[1], channels) + b"\xee" * (64 - channels)


@pytest.mark.parametrize("loops", ["sparse_8", "sparse_4", "block_8", "block_4"])
@pytest.mark.parametrize("gaps", [False, True])
def test_encoded(machine: Sim430, loops: str, gaps: bool) -> None:
    """Each number of taps that a loop begins with; channels without any; four channels, the last ones not all there."""
    rng = np.random.default_rng(1)
    channels = 11
    lists = channels if loops.startswith("sparse") else 3
    gap = 1 if not gaps else 15 if loops == "sparse_4" else 40
    for least in (0, 3, 11) if gaps else (0, 8, 130):
        check_encoded(machine, stored(loops, rng, [least + (i * 5 + 1) % 9 for i in range(lists)], channels, gap), rng)


def test_cycles_of_encoded_products(machine: Sim430) -> None:
    """Per kept product, with what surrounds the loops, for 80 entries a channel; without FRAM waits."""
    rng = np.random.default_rng(1)
    most = {"sparse_8": (13.3, 11.0), "sparse_4": (15.3, 12.0), "block_8": (16.2, 12.3), "block_4": (19.7, 14.0)}
    values = rng.integers(-128, 128, (2, ENCODED_TAPS), np.int8)
    for loops, bounds in most.items():
        weights = stored(loops, rng, [80] * (16 if loops.startswith("sparse") else 4), 16, 5)
        each = [
            weights.cycles(machine, values[:1], 16, "encoded_finish_one") / (16 * 80),
            weights.cycles(machine, values, 16, "dot_finish_pair") / (2 * 16 * 80),
        ]
        assert each[0] < bounds[0], (loops, each)
        assert each[1] < bounds[1], (loops, each)


@pytest.mark.parametrize("channels", [1, 4, 7])
@pytest.mark.parametrize("taps", [1, 2, 3, 4, 5, 64, 160, 301])
def test_encoded_dense(machine: Sim430, taps: int, channels: int) -> None:
    rng = np.random.default_rng(taps)
    check_encoded(machine, stored_dense(rng, taps, channels), rng)


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
