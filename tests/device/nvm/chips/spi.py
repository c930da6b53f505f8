"""An SPI bus and its chip-select pins, with the methods of machine.SPI and machine.Pin that drivers use."""


class SPI:
    """A chip has select(), exchange(byte) -> byte and deselect(). Chips that are not selected hear nothing."""

    def __init__(self):
        self._selected = []

    def select_pin(self, chip):
        return SelectPin(self._selected, chip)

    def _exchange(self, byte):
        answer = 0xFF  # nobody drives the line; it is pulled up
        for chip in self._selected:
            answer &= chip.exchange(byte)
        return answer

    def write(self, buffer):
        for byte in buffer:
            self._exchange(byte)

    def readinto(self, buffer, write=0):
        for i in range(len(buffer)):
            buffer[i] = self._exchange(write)


class SelectPin:
    """Active low."""

    def __init__(self, selected, chip):
        self._selected = selected
        self._chip = chip

    def __call__(self, level):
        active = self._chip in self._selected
        if level and active:
            self._selected.remove(self._chip)
            self._chip.deselect()
        elif not level and not active:
            self._selected.append(self._chip)
            self._chip.select()
