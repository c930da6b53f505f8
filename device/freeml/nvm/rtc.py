"""Memory in the real-time clock's power domain: ESP32 (2048 bytes) and ESP8266 (492 bytes)."""

from .base import NVM


class RTCMemory(NVM):
    """rtc: machine.RTC(), or anything with its memory() method; all of that memory is used.

    RAM, so it never wears out; it keeps its content through resets, brown-outs of the core and deep sleep, but only while
    the RTC domain has power: a supercapacitor or coin cell on it makes it nonvolatile, nothing else does.
    MicroPython copies the whole memory at each sync, byte by byte and from the start (ports/esp32/machine_rtc.c), so
    `size` bytes of RAM hold the copy, and a cut leaves a prefix of the new bytes.
    """

    def __init__(self, rtc, size):
        super().__init__(size)
        self._rtc = rtc
        self._copy = bytearray(size)
        kept = rtc.memory()
        if len(kept) == size:
            self._copy[:] = kept
        else:  # never used, or by another program
            rtc.memory(self._copy)

    def readinto(self, offset, buffer):
        buffer[:] = self._copy[offset : offset + len(buffer)]

    def write(self, offset, buffer):
        self._copy[offset : offset + len(buffer)] = buffer

    def sync(self):
        self._rtc.memory(self._copy)
