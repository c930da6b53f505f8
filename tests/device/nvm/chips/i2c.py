"""An I2C bus, with the methods of machine.I2C that drivers use, each made of start, bytes and stop."""

from errno import ENODEV


class I2C:
    """A chip has start(address) -> whether it is the one meant, put(byte) -> whether it acknowledges, get() -> byte, stop()."""

    def __init__(self, *chips):
        self._chips = chips

    def _start(self, address):
        for chip in self._chips:
            if chip.start(address):
                return chip
        raise OSError(ENODEV)

    def readfrom_mem_into(self, address, memory_address, buffer, *, addrsize=8):
        chip = self._start(address)
        for shift in range(addrsize - 8, -1, -8):
            chip.put(memory_address >> shift & 0xFF)
        chip = self._start(address)
        for i in range(len(buffer)):
            buffer[i] = chip.get()
        chip.stop()

    def writevto(self, address, vector, stop=True):
        chip = self._start(address)
        acknowledged = 0
        for buffer in vector:
            for byte in buffer:
                if not chip.put(byte):
                    chip.stop()
                    return acknowledged
                acknowledged += 1
        if stop:
            chip.stop()
        return acknowledged
