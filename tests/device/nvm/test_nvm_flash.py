"""The log on raw flash: what it costs, that it wears evenly, that no row of power cuts can spoil it."""

from __future__ import annotations

import random

import pytest
from chips.nor_flash import NORFlash
from chips.power import Power, PowerCut
from contract import Record, check, check_recovery, use
from freeml.nvm.flash import FlashNVM, erases_per_write, writes_until_worn
from hypothesis import given, settings
from hypothesis import strategies as st
from media import Medium, flash

GEOMETRIES = [  # size, blocks, block_size, page
    (200, 5, 256, 64),
    (2000, 16, 512, 128),
    (8192, 8, 4096, 256),
    (8192, 16, 4096, 256),
    (12000, 64, 4096, 256),
]


def random_bytes(length: int) -> bytes:
    return bytes(random.getrandbits(8) for _ in range(length))


@pytest.mark.parametrize(("size", "blocks", "block_size", "page"), GEOMETRIES)
@pytest.mark.parametrize("hot", [False, True])
def test_cost_of_a_write(size: int, blocks: int, block_size: int, page: int, hot: bool) -> None:
    chip = NORFlash(Power(), blocks, block_size, page)
    nvm = FlashNVM(chip, size, page)
    for offset in range(0, size, nvm.atom):  # hot: from now on most pages stay as they are, in everyone's way
        nvm.write(offset, random_bytes(min(nvm.atom, size - offset)))
    nvm.sync()
    erases, count = sum(chip.erases), 4 * blocks * block_size // page
    for _ in range(count):
        before = chip.programs, sum(chip.erases)
        nvm.write(0 if hot else random.randrange(size - 24), random_bytes(24))
        nvm.sync()
        pages = 1 if hot else 2  # a write of 24 bytes may lie on two
        assert chip.programs - before[0] <= 3 * pages
        assert sum(chip.erases) - before[1] <= pages
    bound = erases_per_write(24, size, blocks, block_size, page)
    assert sum(chip.erases) - erases <= bound * count + 1
    assert max(chip.erases) - min(chip.erases) <= 1
    assert writes_until_worn(24, size, blocks, block_size, page) == blocks * 100_000 / bound


@pytest.mark.parametrize("length", [1, 2, 246, 247, 248, 1000])
def test_pages_that_a_write_touches(length: int) -> None:
    size = 4096
    chip = NORFlash(Power(), 64, 4096, 256)
    worst = 0
    for offset in range(300):
        nvm = FlashNVM(chip, size)
        before = chip.programs
        nvm.write(offset, random_bytes(length))
        nvm.sync()
        worst = max(worst, chip.programs - before)
    one = erases_per_write(1, size, 64, 4096)
    assert erases_per_write(length, size, 64, 4096) == pytest.approx(worst * one)


def test_writing_the_same_again_costs_nothing() -> None:
    chip = NORFlash(Power(), 8, 4096, 256)
    nvm = FlashNVM(chip, 4096)
    data = random_bytes(3000)
    nvm.write(5, data)
    nvm.sync()
    programs = chip.programs
    nvm = FlashNVM(chip, 4096)
    nvm.write(5, data)
    nvm.sync()
    assert chip.programs == programs


def test_never_written_reads_as_zeros() -> None:
    nvm = FlashNVM(NORFlash(Power(), 8, 4096, 256), 4096)
    buffer = bytearray(b"x" * 4096)
    nvm.readinto(0, buffer)
    assert buffer == bytes(4096)


def test_what_another_size_wrote_is_foreign() -> None:
    chip = NORFlash(Power(), 8, 4096, 256)
    nvm = FlashNVM(chip, 4096)
    nvm.write(0, b"mine")
    nvm.sync()
    buffer = bytearray(4)
    FlashNVM(chip, 4095).readinto(0, buffer)
    assert buffer == bytes(4)


def test_flash_too_small() -> None:
    with pytest.raises(ValueError, match="8192 bytes need 6 blocks of flash, there are 4; use a larger partition"):
        FlashNVM(NORFlash(Power(), 4, 4096, 256), 8192)
    FlashNVM(NORFlash(Power(), 6, 4096, 256), 8192)
    with pytest.raises(ValueError, match="page must divide"):
        FlashNVM(NORFlash(Power(), 8, 4096, 256), 8192, 2048)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([(200, 5, 256, 64, 64), (330, 6, 256, 64, 64), (330, 7, 256, 64, 16)]),
    st.lists(st.integers(1, 12) | st.integers(13, 100), max_size=80),
    st.integers(0, 1000),
)
def test_any_row_of_cuts(geometry: tuple[int, int, int, int, int], cuts: list[int], seed: int) -> None:
    check(flash(*geometry), seed, (60, *cuts, 0, 0), 50)


def worst_cut(medium: Medium, chip: NORFlash) -> int:
    """The cut that wastes most: each block gets one good slot, so that it counts as in use, and torn ones."""
    chip.power.restore()
    return 3 if medium.open(chip)._room == 0 else 1


@pytest.mark.parametrize("storm", [10, 30, 100, 300])
@pytest.mark.parametrize("geometry", [(330, 6, 256, 64, 64), (970, 4, 1024, 64, 64)])
def test_a_storm_of_torn_programs_does_not_fill_the_flash(storm: int, geometry: tuple[int, int, int, int, int]) -> None:
    medium = flash(*geometry)
    chip = medium.make(Power(seed=storm))
    nvm = medium.open(chip)
    record = Record(bytes(medium.length))
    use(medium, nvm, record, 100)
    nvm.sync()
    record.synced()
    for boot in range(storm + 30):
        further = 3 + boot % 11 if boot >= storm else 0  # when the storm ceases, some writes get synced before the cut
        chip.power.restore(worst_cut(medium, chip) + further)
        with pytest.raises(PowerCut):
            use(medium, medium.open(chip), record, 80)
        record = check_recovery(medium, chip, record)
        if boot == storm and storm > 30:  # the last resort was reached: a block was started anew time and again
            assert max(chip.erases) > storm // 2
    nvm = medium.open(chip)
    use(medium, nvm, record, 300)
    nvm.sync()
    record.synced()
    check_recovery(medium, chip, record)
