"""Ferroelectric RAM on an SPI bus: Infineon (Cypress, Ramtron) FM25 and CY15B, Fujitsu (RAMXEED) MB85RS."""

from time import sleep

from .base import NVM

_WRITE = 0x02
_READ = 0x03
_WRITE_DISABLE = b"\x04"
_READ_STATUS = b"\x05"
_WRITE_ENABLE = b"\x06"
_READ_ID = b"\x9f"
_LATCH = 0x02  # of the status register: writes are enabled
_PROTECTED = 0x0C  # of the status register: blocks that cannot be written


class SPIFRAM(NVM):
    """spi: machine.SPI in mode 0 or 3. cs: machine.Pin, an output. size: bytes of the whole chip, 1024 to 16 MiB; it
    decides whether addresses have two bytes or three.

    The chip writes each byte while it is on the bus, so a cut leaves a prefix of whole bytes and nothing waits for
    sync(). Endurance: data sheets say 10**12 (MB85RS64) to 10**14 (FM25V10) accesses; the least is stated here.
    Raises OSError when no such chip answers, when its identification says another size, or when it is write-protected.
    """

    ordered = True
    endurance = 10**12

    def __init__(self, spi, cs, size):
        super().__init__(size)
        self._spi = spi
        self._cs = cs
        self._command = bytearray(3 if size <= 0x10000 else 4)
        cs(1)
        self._wake()
        self._check_presence()
        self._check_size()

    def _wake(self):
        """A program before this one may have sent the chip to sleep; selecting it ends that after 450 us at most."""
        self._cs(0)
        self._cs(1)
        sleep(0.001)

    def _check_presence(self):
        """The write-enable latch follows its commands in every chip of the kind, and on no empty bus."""
        self._transfer(_WRITE_ENABLE)
        enabled = self._status()
        self._transfer(_WRITE_DISABLE)
        disabled = self._status()
        if not enabled & _LATCH or disabled & _LATCH:
            raise OSError("no FRAM answers on the SPI bus; check the wiring and the chip-select pin")
        if disabled & _PROTECTED:
            raise OSError("the FRAM is write-protected; clear the block-protect bits of its status register")

    def _check_size(self):
        """Larger than the chip, addresses would wrap around and overwrite others. Some chips have no identification."""
        answer = bytearray(9)
        self._transfer(_READ_ID, into=answer)
        if answer[:2] == b"\x04\x7f":  # Fujitsu: density code in the third byte, 3 for 8 KiB
            actual = 1 << (10 + (answer[2] & 0x1F))
        elif answer[:7] == b"\x7f\x7f\x7f\x7f\x7f\x7f\xc2":  # Infineon: in the eighth, 2 for 32 KiB
            actual = 1 << (13 + (answer[7] & 0x1F))
        else:
            return
        if actual != self._size:
            raise OSError(f"the FRAM has {actual} bytes, not {self._size}; give its real size")

    def _status(self):
        answer = bytearray(1)
        self._transfer(_READ_STATUS, into=answer)
        return answer[0]

    def _transfer(self, command, data=None, into=None):
        self._cs(0)
        try:
            self._spi.write(command)
            if data is not None:
                self._spi.write(data)
            if into is not None:
                self._spi.readinto(into)
        finally:  # left selected, the chip would take the next command for data
            self._cs(1)

    def _address(self, opcode, offset):
        command = self._command
        command[0] = opcode
        for i in range(len(command) - 1, 0, -1):
            command[i] = offset & 0xFF
            offset >>= 8
        return command

    def readinto(self, offset, buffer):
        self._transfer(self._address(_READ, offset), into=buffer)

    def write(self, offset, buffer):
        self._transfer(_WRITE_ENABLE)  # each WRITE clears the latch
        self._transfer(self._address(_WRITE, offset), data=buffer)
