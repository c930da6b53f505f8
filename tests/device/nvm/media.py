"""The memories under test: each driver on its simulated chip. Runs in MicroPython and in CPython."""

from chips.i2c import I2C
from chips.i2c_fram import I2CFRAMChip
from chips.nor_flash import NORFlash
from chips.rtc import RTC
from chips.spi import SPI
from chips.spi_fram import SPIFRAMChip
from freeml.nvm.flash import FlashNVM
from freeml.nvm.i2c_fram import I2CFRAM
from freeml.nvm.rtc import RTCMemory
from freeml.nvm.spi_fram import SPIFRAM

FM25V10_ID = b"\x7f\x7f\x7f\x7f\x7f\x7f\xc2\x24\x00"
MB85RS64V_ID = b"\x04\x7f\x03\x02"


class Medium:
    """make(power) -> a new chip; open(chip) -> the driver. The contract is checked on `length` bytes from `begin`.
    whole_syncs: a power cut shows all that was written between two syncs, or nothing of it."""

    def __init__(self, make, open, begin, length, whole_syncs=False):
        self.make = make
        self.open = open
        self.begin = begin
        self.length = length
        self.whole_syncs = whole_syncs


def spi_fram(size, identification, begin=0):
    def open_chip(chip):
        bus = SPI()
        return SPIFRAM(bus, bus.select_pin(chip), size)

    return Medium(lambda power: SPIFRAMChip(power, size, identification), open_chip, begin, 300)


def i2c_fram(size, begin=0):
    return Medium(lambda power: I2CFRAMChip(power, size), lambda chip: I2CFRAM(I2C(chip), size), begin, 300)


def rtc(size):
    return Medium(RTC, lambda chip: RTCMemory(chip, size), 0, size)


def flash(size, blocks, block_size, page, unit):
    return Medium(lambda power: NORFlash(power, blocks, block_size, unit), lambda chip: FlashNVM(chip, size, page), 0, size)


MEDIA = {
    "FM25640B": spi_fram(8192, None, begin=8192 - 300),
    "MB85RS64V": spi_fram(8192, MB85RS64V_ID),
    "FM25V10": spi_fram(131072, FM25V10_ID, begin=0x10000 - 150),  # across the third address byte
    "FM24C16B": i2c_fram(2048, begin=0x100 - 150),  # across an address bit in the bus address
    "FM24CL64B": i2c_fram(8192, begin=8192 - 300),
    "FM24V10": i2c_fram(131072, begin=0x10000 - 150),
    "RTC": rtc(300),
    "flash, program units as pages": flash(200, 5, 256, 64, 64),
    "flash, several units to a page": flash(330, 7, 256, 64, 16),
}
