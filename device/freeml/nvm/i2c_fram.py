"""Ferroelectric RAM on an I2C bus: Infineon (Cypress, Ramtron) FM24 and CY15B, Fujitsu (RAMXEED) MB85RC."""

from .base import NVM


class I2CFRAM(NVM):
    """i2c: machine.I2C or machine.SoftI2C. size: bytes of the whole chip. address: its 7-bit address on the bus.

    Chips up to 2048 bytes (FM24C16) take one address byte, larger ones two; address bits beyond these are the lowest bits
    of the chip's own address (A16 of the FM24V10). The chip writes each byte when it acknowledges it, so a cut leaves a
    prefix of whole bytes and nothing waits for sync(). Endurance: data sheets say 10**12 (MB85RC256V) to 10**14 (FM24V10)
    accesses; the least is stated here.
    Raises ValueError for an address that such a chip cannot have, OSError when it does not answer or is write-protected.
    """

    ordered = True
    endurance = 10**12

    def __init__(self, i2c, size, address=0x50):
        super().__init__(size)
        self._i2c = i2c
        self._address = address
        self._bits = 8 if size <= 2048 else 16  # of an address that go into address bytes
        if address & ((size - 1) >> self._bits):
            raise ValueError(f"an FRAM of {size} bytes cannot have the bus address {address:#x}; clear its lowest bits")
        self._vector = [bytearray(self._bits // 8), None]
        one = bytearray(1)
        for offset in (0, size - 1):
            self.readinto(offset, one)  # OSError: nobody answers

    def readinto(self, offset, buffer):
        place = offset & ((1 << self._bits) - 1)
        self._i2c.readfrom_mem_into(self._address | offset >> self._bits, place, buffer, addrsize=self._bits)

    def write(self, offset, buffer):
        prefix = self._vector[0]
        prefix[-1] = offset & 0xFF
        if self._bits == 16:
            prefix[0] = offset >> 8 & 0xFF
        self._vector[1] = buffer
        acknowledged = self._i2c.writevto(self._address | offset >> self._bits, self._vector)
        self._vector[1] = None
        if acknowledged < len(prefix) + len(buffer):
            raise OSError("the FRAM refuses data; connect its write-protect pin to ground")
