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
OPENED, HEADERS = 0xB000, 0xD000
ENCODED_TAPS = 800
SHIFT = 11  # of encoded layers: outputs of all sizes
RANGE = (3, 1 << 2, -100, 110, 0)  # zero point, scale, low, high, no pools
FOLDED_RANGE = (3 - 0x4000, 0x10000 - 8, *RANGE[2:])  # outputs.inc
FOURS_RANGE = (FOLDED_RANGE[0], 0, *RANGE[2:])


@pytest.fixture(scope="module")
def machine(of_clang: msp430.Common, tmp_path_factory: pytest.TempPathFactory) -> Sim430:
    output = tmp_path_factory.mktemp("loops") / "loops.elf"
    wanted = [f"{name}.S.o" for name in ("dot", "requantize", "encoded", "opened", "blocks", "unpack", "rows", "pool")]
    objects = [str(path) for path in of_clang.objects if path.name in wanted]
    script = output.with_suffix(".ld")
    script.write_text(
        "SECTIONS { .fast 0x4400 : { *(.fast.*) *(.text.*) *(.rodata.*) } .noinit 0x3000 (NOLOAD) : { *(.noinit.*) } }"
        f"opened_lists = {OPENED};"
    )
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


def int8s(sums: np.ndarray, channels: int, shift: int = 18) -> bytes:
    zero_point, _, low, high, _ = RANGE
    tiled = np.tile(sums, -(-channels // 4))[:channels]
    return struct.pack(f"{channels}b", *(expected(int(s) + 77, 20000, shift, 2, zero_point, low, high) for s in tiled))


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
    """Weights as a blob has them: the codebook, counts, entries; loops of even and odd channels of single pixels, which
    DENSE_4 has for pairs, too."""

    loops: tuple[str, str]
    codebook: np.ndarray | None  # int8 [16]
    counts: list[int]
    entries: bytes
    first: int  # bytes of an entry before its weights
    step: int
    dense: np.ndarray  # int32 [taps, channels]: what all that means

    @property
    def has_lists(self) -> bool:
        """Of each channel."""
        return self.loops[0].startswith("sparse")

    def addresses(self, machine: Sim430, kind: str) -> list[int]:
        return [machine.address(f"encoded_{loop}_{kind}") for loop in self.loops]

    def cycles(self, machine: Sim430, values: np.ndarray, channels: int, finish: str) -> int:
        """Multiplies with int8 [1 or 2, taps] values; returns cycles without FRAM waits. finish: what becomes of sums, or the
        function of blocks.h that does all."""
        kind = "one" if len(values) == 1 else "pair"
        if self.codebook is not None:
            machine.write(CHANNELS - 16, self.codebook.tobytes())
            machine.call("encoded_open_codebook", CHANNELS - 16)
        counts = struct.pack(f"<{len(self.counts)}H", *self.counts)
        machine.write(WEIGHTS, counts + self.entries)
        general = finish == "encoded_finish_any"
        factor = factor_of(20000, SHIFT) if general else folded_factor_of(20000, SHIFT, 2)
        machine.write(CHANNELS, struct.pack("<iI", 77, factor) * channels)
        machine.write(VALUES, values.tobytes())
        if kind == "pair":
            machine.write(PAIRS, (values[0].astype(np.int64) + (values[1].astype(np.int64) << 23)).astype("<i4").tobytes())
        loops = [0, 0] if self.has_lists or finish.startswith("blocks") else self.addresses(machine, kind)
        by_default = finish.startswith("blocks") or (self.has_lists and finish == "encoded_finish_one")
        at = VALUES if kind == "one" else PAIRS
        places = (WEIGHTS + len(counts), WEIGHTS if self.counts else 0, at, CHANNELS, TO, TO + 64)
        taps = (len(self.dense), self.first, self.step, self.codebook is not None, 0)
        range_ = RANGE if general else FOURS_RANGE if finish == "blocks_4" else FOLDED_RANGE
        work = struct.pack(
            "<hHhhH 6H 4H 5H", *range_, *places, channels, *loops, 0 if by_default else machine.address(finish), *taps
        )
        machine.write(WORK, work)
        machine.write(TO, b"\xee" * 128)
        if finish == "blocks_4":
            machine.call("blocks_open", CHANNELS - 16)
        before = machine.counters
        function = f"encoded_lists_{self.loops[0][-1]}" if self.has_lists else "encoded_fours"
        machine.call(finish if finish.startswith("blocks") else function, WORK)
        assert machine.read(WORK + 10, 2) == struct.pack("<H", places[0] + len(self.entries)) or channels % 4
        return spent(before, machine.counters)

    def cycles_opened(self, machine: Sim430, values: np.ndarray, channels: int) -> int:
        """The same of int8 [2, taps] values and lists that are opened, as opened.c opens them; without their opening."""
        if self.codebook is not None:
            machine.write(CHANNELS - 16, self.codebook.tobytes())
            machine.call("encoded_open_codebook", CHANNELS - 16)
        machine.write(WEIGHTS, self.entries)
        machine.write(CHANNELS, struct.pack("<iI", 77, folded_factor_of(20000, SHIFT, 2)) * channels)
        machine.write(PAIRS, (values[0].astype(np.int64) + (values[1].astype(np.int64) << 23)).astype("<i4").tobytes())
        machine.write(WORK + 128, struct.pack("<3H", PAIRS, self.step, 15 if self.step == 1 else 255))
        headers, entries, place, weight = b"", WEIGHTS, OPENED, OPENED + 2 * sum(self.counts)
        each = 1 if self.has_lists else 4
        parts = [[(self.step > 1, "weights" if self.codebook is None else "high")]]
        if each == 4:
            parts = [[(1 + i, "weights") if self.codebook is None else (1 + i // 2, ("low", "high")[i % 2])] for i in range(4)]
        for index, count in enumerate(self.counts):
            begin = place
            if count:
                place = machine.call("opened_places", place, entries, WORK + 128, count) & 0xFFFF
            for [(first, part)] in parts[: channels - each * index]:
                if count:
                    weight = machine.call(f"opened_{part}", weight, entries + first, self.step, count) & 0xFFFF
                skipped = 14 * ((count - 1) % 4 + 1) + 4 if count else 0
                headers += struct.pack("<3H", begin, -(-count // 4), machine.address("opened_end") - skipped)
            entries += count * self.step
        machine.write(HEADERS, headers + bytes(2))
        work = struct.pack("<hHhhH 5H", *FOLDED_RANGE, HEADERS, OPENED + 2 * sum(self.counts), CHANNELS, TO, TO + 64)
        machine.write(WORK, work)
        machine.write(TO, b"\xee" * 128)
        before = machine.counters
        machine.call("opened_pairs", WORK)
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
    return Stored(names, codebook, counts, entries, 1, {"sparse_8": 2, "sparse_4": 1, "block_8": 5, "block_4": 3}[loops], dense)


def stored_dense(rng: np.random.Generator, taps: int, channels: int) -> Stored:
    codebook, codes = rng.integers(-128, 128, 16, np.int8), rng.integers(0, 16, (-(-channels // 4), taps, 4), np.uint8)
    entries = (codes[:, :, 0::2] | codes[:, :, 1::2] << 4).tobytes()
    dense = codebook[codes].transpose(1, 0, 2).reshape(taps, -1)[:, :channels].astype(np.int32)
    return Stored(("dense_low", "dense_high"), codebook, [], entries, 0, 2, dense)


BLOCKS = {("block_8", "block_8"): "blocks_8", ("block_low", "block_high"): "blocks_4"}


def check_encoded(machine: Sim430, weights: Stored, rng: np.random.Generator) -> None:
    taps, channels = weights.dense.shape
    values = rng.integers(-128, 128, (2, taps), np.int8)
    sums = values.astype(np.int32) @ weights.dense
    weights.cycles(machine, values[:1], channels, "encoded_finish_one")
    assert machine.read(TO, 64) == int8s(sums[0], channels, SHIFT) + b"\xee" * (64 - channels)
    weights.cycles(machine, values[:1], channels, "encoded_finish_any")
    assert machine.read(TO, 64) == int8s(sums[0], channels, SHIFT) + b"\xee" * (64 - channels)
    weights.cycles(machine, values[:1], channels, "encoded_keep_sum")
    assert machine.read(TO + 64, 4 * channels) == sums[0].astype("<i4").tobytes()
    if blocks := BLOCKS.get(weights.loops):
        weights.cycles(machine, values[:1], channels, blocks)
        assert machine.read(TO, 64) == int8s(sums[0], channels, SHIFT) + b"\xee" * (64 - channels)
    if weights.first:
        weights.cycles_opened(machine, values, channels)
    else:
        weights.cycles(machine, values, channels, "encoded_finish_pair")
    assert machine.read(TO, 64) == int8s(sums[0], channels, SHIFT) + b"\xee" * (64 - channels)
    assert machine.read(TO + 64, 64) == int8s(sums[1], channels, SHIFT) + b"\xee" * (64 - channels)


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
    most = {"sparse_8": (12.5, 8.4), "sparse_4": (14.9, 8.4), "block_8": (12.9, 8.4), "block_4": (12.2, 8.4)}
    values = rng.integers(-128, 128, (2, ENCODED_TAPS), np.int8)
    for loops, bounds in most.items():
        weights = stored(loops, rng, [80] * (16 if loops.startswith("sparse") else 4), 16, 5)
        each = [
            weights.cycles(machine, values[:1], 16, BLOCKS.get(weights.loops, "encoded_finish_one")) / (16 * 80),
            weights.cycles_opened(machine, values, 16) / (2 * 16 * 80),
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


def folded_factor_of(multiplier: int, shift: int, left_shift: int) -> int:
    """encoded.h; shift - left_shift: 1 to 16."""
    return multiplier << (17 + left_shift - shift)


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


folding = st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(0, 32767), st.integers(1, 31))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(constants=st.lists(folding, min_size=1, max_size=5), left_shift=st.integers(0, 15), odd=st.booleans())
def test_constants_that_fold_a_left_shift(
    machine: Sim430, constants: list[tuple[int, int, int]], left_shift: int, odd: bool
) -> None:
    total, at, to = -(-len(constants) // 4) * 4, VALUES + odd, BUFFER
    padded = constants + [(0, 0, 1)] * (total - len(constants))
    for place, code in ((0, "i"), (1, "H"), (2, "B")):
        machine.write(at + (0, 4, 6)[place] * total, struct.pack(f"<{total}{code}", *(row[place] for row in padded)))
    folds = machine.call("encoded_unpack", to, at, total, len(constants), left_shift) & 0xFFFF
    assert folds == all(m == 0 or 1 <= s - left_shift <= 16 for _, m, s in constants)
    if folds:
        wanted = [(b, folded_factor_of(m, s, left_shift) if m else 0) for b, m, s in constants]
        assert machine.read(to, 8 * len(constants)) == b"".join(struct.pack("<iI", *row) for row in wanted)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    total=st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**22), 2**22)),
    multiplier=st.integers(0, 32767),
    shift=st.integers(1, 31),
    left_shift=st.integers(0, 15),
    clamp=st.tuples(st.integers(-128, 127), st.integers(-128, 127)).map(sorted),
    zero_point=st.integers(-128, 127),
    there=st.one_of(st.none(), st.integers(-128, 127)),
)
def test_folded_requantization(
    machine: Sim430,
    total: int,
    multiplier: int,
    shift: int,
    left_shift: int,
    clamp: list[int],
    zero_point: int,
    there: int | None,
) -> None:
    """One channel without weights: its output is its bias. Sums that are shifted left stay in int32, as the packer has it."""
    low, high = clamp
    total, shift = total >> left_shift, left_shift + 1 + (shift - 1) % 16 if left_shift < 15 else 16 + shift % 15
    machine.write(CHANNELS, struct.pack("<iI", total, folded_factor_of(multiplier, shift, left_shift)))
    machine.write(HEADERS, struct.pack("<4H", OPENED, 0, machine.address("opened_end"), 0))
    range_ = (zero_point - 0x4000, 0x10000 - 8, low, high, there is not None)
    machine.write(WORK, struct.pack("<hHhhH 5H", *range_, HEADERS, OPENED, CHANNELS, TO, TO + 1))
    machine.write(TO, struct.pack("2b", there or 0, there or 0))
    machine.call("opened_pairs", WORK)
    if there is not None:
        low = there
    wanted = expected(total, multiplier, shift, left_shift, zero_point, low, high)
    assert struct.unpack("2b", machine.read(TO, 2)) == (wanted, wanted)
