"""NOR flash as a block device of MicroPython's extended protocol, from the data sheets of the W25Q family.

- Erasing sets a block's bytes to 0xFF and takes one cycle of its life.
- Programming clears bits, in units of `unit` bytes, one after another. A unit is programmed once per erase, never in a
  block whose last erase was interrupted: both raise AssertionError.

An operation of its power supply is an erase or the programming of a unit. An interrupted program clears some of the bits
that it would have cleared, or none. An interrupted erase leaves each unit as it was, erased, or with some bits set.
"""

import random


class NORFlash:
    def __init__(self, power, blocks, block_size, unit):
        self.power = power
        self.erases = [0] * blocks
        self.programs = 0
        self._block_size = block_size
        self._unit = unit
        self._cells = [bytearray(random.getrandbits(8) for _ in range(block_size)) for _ in range(blocks)]  # its past
        self._clean = [bytearray(block_size // unit) for _ in range(blocks)]  # 1: unit may be programmed

    def power_up(self):
        pass

    def readblocks(self, block, buffer, offset=0):
        if not self.power.on:
            self.power.die()
        cells = self._cells[block + offset // self._block_size]
        offset %= self._block_size
        assert offset + len(buffer) <= self._block_size
        buffer[:] = cells[offset : offset + len(buffer)]

    def writeblocks(self, block, buffer, offset=None):
        assert offset is not None, "the log erases for itself"
        assert offset % self._unit == 0, "not at a unit"
        assert len(buffer) % self._unit == 0, "not whole units"
        assert offset + len(buffer) <= self._block_size
        for begin in range(0, len(buffer), self._unit):
            self._program(block, offset + begin, buffer[begin : begin + self._unit])

    def _program(self, block, offset, data):
        fails = self.power.fails()
        assert self._clean[block][offset // self._unit], "programmed without an erase that has ended"
        cells = self._cells[block]
        for i in range(self._unit):
            keep = random.getrandbits(8) if fails else 0
            cells[offset + i] &= data[i] | keep
        self.programs += 1
        self._clean[block][offset // self._unit] = fails and min(cells[offset : offset + self._unit]) == 0xFF
        if fails:
            self.power.die()

    def _erase(self, block):
        fails = self.power.fails()
        self.erases[block] += 1
        cells = self._cells[block]
        for unit in range(self._block_size // self._unit):
            choice = random.randrange(3) if fails else 1
            for i in range(unit * self._unit, (unit + 1) * self._unit):
                cells[i] |= (0, 0xFF, random.getrandbits(8))[choice]
            self._clean[block][unit] = not fails
        if fails:
            self.power.die()

    def ioctl(self, operation, argument):
        if operation == 4:
            return len(self._cells)
        if operation == 5:
            return self._block_size
        if operation == 6:
            self._erase(argument)
        return 0
