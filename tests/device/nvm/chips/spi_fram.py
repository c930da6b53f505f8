"""FRAM on SPI, from the data sheets of the FM25V10, FM25640B and MB85RS1MT.

- The status register: bit 1 is the write-enable latch WEL, bits 2 and 3 protect nothing, the upper quarter, the upper half
  or everything. WEL is clear after power-up, set by WREN, cleared by WRDI and at the end of each WRITE.
- A WRITE without WEL is ignored, as are opcodes that the chip does not know.
- Data bytes are written one by one as they arrive; the address counts up and wraps at the end of the chip. Address bits
  that the chip does not have are ignored.
- SLEEP (where the chip has it) takes effect when the chip is deselected; selecting it once wakes it, which takes longer
  than that one command.

An operation of its power supply is one byte on the bus. The byte under way at a cut is old or new.
"""

import random


class SPIFRAMChip:
    """identification: what RDID returns; None: the chip knows neither RDID nor SLEEP."""

    def __init__(self, power, size, identification=None):
        self.power = power
        self.cells = bytearray((bytes(range(251)) * (size // 251 + 1))[:size])  # its past
        self.protection = 0  # BP1, BP0; nonvolatile
        self._identification = identification
        self._address_size = 2 if size <= 0x10000 else 3
        self.power_up()

    def power_up(self):
        self.asleep = False
        self._latch = False
        self._command = bytearray()
        self._waking = False

    def select(self):
        self._command = bytearray()
        self._waking = self.asleep
        self.asleep = False

    def exchange(self, byte):
        if not self.power.on:
            return 0
        if self.power.fails():
            if random.getrandbits(1):
                self._hear(byte)
            self.power.die()
        return self._hear(byte)

    def deselect(self):
        """The chip acts on what it has heard at this edge, unless its power has failed before."""
        if not self.power.on or self._waking or not self._command:
            return
        opcode = self._command[0]
        if opcode == 0x06:
            self._latch = True
        elif opcode in (0x04, 0x02):
            self._latch = False
        elif opcode == 0xB9 and self._identification:
            self.asleep = True

    def _hear(self, byte):
        if self._waking:
            return 0xFF
        if len(self._command) < 1 or (self._command[0] in (0x02, 0x03) and len(self._command) <= self._address_size):
            self._command.append(byte)
            if len(self._command) == 1 + self._address_size:
                self._address = 0
                for part in self._command[1:]:
                    self._address = self._address << 8 | part
            return 0xFF
        return self._data(self._command[0], byte)

    def _data(self, opcode, byte):
        if opcode == 0x05:
            return self.protection << 2 | self._latch << 1
        if opcode == 0x9F and self._identification:
            self._command.append(0)
            return self._identification[(len(self._command) - 2) % len(self._identification)]
        if opcode not in (0x02, 0x03):
            return 0xFF
        address = self._address % len(self.cells)
        self._address += 1
        if opcode == 0x03:
            return self.cells[address]
        protected = (0, len(self.cells) // 4, len(self.cells) // 2, len(self.cells))[self.protection]
        if self._latch and address < len(self.cells) - protected:
            self.cells[address] = byte
        return 0xFF
