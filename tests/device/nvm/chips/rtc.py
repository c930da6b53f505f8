"""RTC user memory, as ports/esp32/machine_rtc.c has it: memory(data) copies from the start, then sets the length.

An operation of its power supply is one byte copied (the processor dies, the RTC domain lives on).
"""


class RTC:
    def __init__(self, power, capacity=2048):
        self.power = power
        self._capacity = capacity
        self._data = bytearray(capacity)
        self._length = 0

    def power_up(self):
        pass

    def memory(self, data=None):
        if data is None:
            return bytes(self._data[: self._length])
        if len(data) > self._capacity:
            raise ValueError("buffer too long")
        for i in range(len(data)):
            if self.power.fails():
                self.power.die()
            self._data[i] = data[i]
        self._length = len(data)
        return None
