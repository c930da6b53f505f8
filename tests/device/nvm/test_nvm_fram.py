"""The simulated FRAM chips behave as their data sheets say, and the drivers refuse what is not as it should be."""

from __future__ import annotations

import pytest
from chips.i2c import I2C
from chips.i2c_fram import I2CFRAMChip
from chips.power import Power
from chips.spi import SPI
from chips.spi_fram import SPIFRAMChip
from freeml.nvm.i2c_fram import I2CFRAM
from freeml.nvm.spi_fram import SPIFRAM
from media import FM25V10_ID, MB85RS64V_ID


class Board:
    """One SPI chip, and commands to it by hand."""

    def __init__(self, size: int = 8192, identification: bytes | None = MB85RS64V_ID) -> None:
        self.chip = SPIFRAMChip(Power(), size, identification)
        self.bus = SPI()
        self.pin = self.bus.select_pin(self.chip)

    def send(self, *command: int, answer: int = 0) -> bytes:
        buffer = bytearray(answer)
        self.pin(0)
        self.bus.write(bytes(command))
        self.bus.readinto(buffer)
        self.pin(1)
        return bytes(buffer)

    def status(self) -> int:
        return self.send(0x05, answer=1)[0]


def test_spi_write_wants_the_latch_and_clears_it() -> None:
    board = Board()
    old = board.send(0x03, 0, 7, answer=2)
    board.send(0x02, 0, 7, 1, 2)
    assert board.send(0x03, 0, 7, answer=2) == old
    board.send(0x06)
    assert board.status() == 0x02
    board.send(0x02, 0, 7, 1, 2)
    assert board.status() == 0
    assert board.send(0x03, 0, 7, answer=2) == b"\x01\x02"


def test_spi_power_up_clears_the_latch() -> None:
    board = Board()
    board.send(0x06)
    board.chip.power_up()
    assert board.status() == 0


def test_spi_addresses_wrap() -> None:
    board = Board()
    board.send(0x06)
    board.send(0x02, 0x1F, 0xFF, 1, 2)  # the last byte of 8 KiB
    assert board.send(0x03, 0xFF, 0xFF, answer=2) == b"\x01\x02"  # the upper three bits do not exist
    assert board.chip.cells[0] == 2


def test_spi_sleep_lasts_until_selected() -> None:
    board = Board()
    board.send(0xB9)
    assert board.send(0x9F, answer=4) == b"\xff" * 4
    assert board.send(0x9F, answer=4) == MB85RS64V_ID


def test_spi_unknown_opcode_is_ignored() -> None:
    assert Board(identification=None).send(0x9F, answer=2) == b"\xff\xff"


def test_spi_driver_wakes_the_chip() -> None:
    board = Board()
    board.send(0xB9)
    SPIFRAM(board.bus, board.pin, 8192).write(3, b"abc")
    assert board.chip.cells[3:6] == b"abc"


@pytest.mark.parametrize(("size", "begin"), [(8192, 8189), (131072, 65534), (65536, 65533)])
def test_spi_driver_writes_its_bytes_and_no_others(size: int, begin: int) -> None:
    board = Board(size, FM25V10_ID if size == 131072 else None)
    nvm = SPIFRAM(board.bus, board.pin, size)
    expected = bytearray(board.chip.cells)
    expected[begin : begin + 3] = b"abc"
    nvm.write(begin, b"abc")
    assert board.chip.cells == expected
    seen = bytearray(5)
    nvm.readinto(begin - 2, seen)
    assert seen == expected[begin - 2 : begin + 3]
    assert not board.status() & 0x02


def test_spi_driver_deselects_the_chip_when_the_bus_fails() -> None:
    board = Board()
    nvm = SPIFRAM(board.bus, board.pin, 8192)
    expected = bytes(board.chip.cells)

    def broken(buffer: bytearray, write: int = 0) -> None:
        raise OSError("bus")

    board.bus.readinto = broken  # type: ignore[method-assign]
    with pytest.raises(OSError, match="bus"):
        nvm.readinto(0, bytearray(4))
    del board.bus.readinto
    assert board.status() == 0  # heard as a command, not as more of the one before
    assert board.chip.cells == expected


@pytest.mark.parametrize("idle", [0x00, 0xFF])
def test_spi_no_chip(idle: int) -> None:
    class Nobody(SPI):
        def _exchange(self, byte: int) -> int:
            return idle

    bus = Nobody()
    with pytest.raises(OSError, match="no FRAM answers"):
        SPIFRAM(bus, bus.select_pin(Board().chip), 8192)


def test_spi_wrong_size() -> None:
    board = Board()
    with pytest.raises(OSError, match="the FRAM has 8192 bytes, not 32768"):
        SPIFRAM(board.bus, board.pin, 32768)
    board = Board(131072, FM25V10_ID)
    with pytest.raises(OSError, match="the FRAM has 131072 bytes, not 65536"):
        SPIFRAM(board.bus, board.pin, 65536)


@pytest.mark.parametrize("protection", [1, 2, 3])
def test_spi_write_protected(protection: int) -> None:
    board = Board()
    board.chip.protection = protection
    with pytest.raises(OSError, match="write-protected"):
        SPIFRAM(board.bus, board.pin, 8192)


@pytest.mark.parametrize(("size", "begin"), [(2048, 0x6FE), (512, 0xFE), (8192, 8189), (131072, 65534)])
def test_i2c_driver_writes_its_bytes_and_no_others(size: int, begin: int) -> None:
    chip = I2CFRAMChip(Power(), size)
    nvm = I2CFRAM(I2C(chip), size)
    expected = bytearray(chip.cells)
    expected[begin : begin + 3] = b"abc"
    nvm.write(begin, b"abc")
    assert chip.cells == expected
    seen = bytearray(5)
    nvm.readinto(begin - 2, seen)
    assert seen == expected[begin - 2 : begin + 3]


def test_i2c_two_chips_on_one_bus() -> None:
    chips = I2CFRAMChip(Power(), 8192, 0x50), I2CFRAMChip(Power(), 8192, 0x52)
    bus = I2C(*chips)
    I2CFRAM(bus, 8192, 0x52).write(0, b"second")
    assert chips[1].cells[:6] == b"second" != chips[0].cells[:6]


def test_i2c_no_chip() -> None:
    with pytest.raises(OSError):  # noqa: PT011 (the bus's own error number)
        I2CFRAM(I2C(I2CFRAMChip(Power(), 8192, 0x51)), 8192)


def test_i2c_larger_than_the_chip() -> None:
    with pytest.raises(OSError):  # noqa: PT011
        I2CFRAM(I2C(I2CFRAMChip(Power(), 65536)), 131072)


def test_i2c_write_protected() -> None:
    chip = I2CFRAMChip(Power(), 8192)
    nvm = I2CFRAM(I2C(chip), 8192)
    chip.write_protect = True
    with pytest.raises(OSError, match="write-protect pin"):
        nvm.write(0, b"a")


def test_i2c_address_that_such_a_chip_cannot_have() -> None:
    with pytest.raises(ValueError, match="0x51"):
        I2CFRAM(I2C(), 131072, 0x51)
