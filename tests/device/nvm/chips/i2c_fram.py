"""FRAM on I2C, from the data sheets of the FM24C16B, FM24CL64B and FM24V10.

- The chip answers to 1010xxx. Chips of 2048 bytes and less take one address byte and the upper address bits from the bus
  address; larger ones take two, and A16 from the bus address. Other bits of the bus address are wired to pins.
- A byte is written when it has been acknowledged; the address counts up and wraps at the end of the chip.
- With WP high, data bytes are not acknowledged and not written.

An operation of its power supply is one byte on the bus. The byte under way at a cut is old or new.
"""

import random


class I2CFRAMChip:
    """address: on the bus, its address bits clear."""

    def __init__(self, power, size, address=0x50):
        self.power = power
        self.cells = bytearray((bytes(range(251)) * (size // 251 + 1))[:size])  # its past
        self.write_protect = False
        self._address_bytes = 1 if size <= 2048 else 2
        self._pages = (size - 1) >> 8 * self._address_bytes  # mask of address bits in the bus address
        self._bus_address = address
        self.power_up()

    def power_up(self):
        self._latch = 0
        self._heard = 0

    def start(self, address):
        if not self.power.on or address & ~self._pages != self._bus_address:
            return False
        self._page = address & self._pages
        self._heard = 0
        self._new = 0
        return True

    def put(self, byte):
        if self.power.fails():
            if random.getrandbits(1):
                self._take(byte)
            self.power.die()
        return self._take(byte)

    def _take(self, byte):
        if self._heard < self._address_bytes:
            self._new = self._new << 8 | byte
            self._heard += 1
            if self._heard == self._address_bytes:
                self._latch = (self._page << 8 * self._address_bytes | self._new) % len(self.cells)
            return True
        if self.write_protect:
            return False
        self.cells[self._latch] = byte
        self._latch = (self._latch + 1) % len(self.cells)
        return True

    def get(self):
        if self.power.fails():
            self.power.die()
        byte = self.cells[self._latch]
        self._latch = (self._latch + 1) % len(self.cells)
        return byte

    def stop(self):
        pass
