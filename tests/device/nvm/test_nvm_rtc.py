"""RTC memory."""

from __future__ import annotations

from chips.power import Power
from chips.rtc import RTC
from freeml.nvm.rtc import RTCMemory


def test_keeps_through_resets_what_was_synced() -> None:
    rtc = RTC(Power())
    nvm = RTCMemory(rtc, 200)
    nvm.write(10, b"kept")
    nvm.sync()
    nvm.write(10, b"lost")
    seen = bytearray(4)
    RTCMemory(rtc, 200).readinto(10, seen)
    assert seen == b"kept"


def test_what_another_program_left_is_cleared() -> None:
    rtc = RTC(Power())
    rtc.memory(b"something else")
    seen = bytearray(b"x" * 200)
    RTCMemory(rtc, 200).readinto(0, seen)
    assert seen == bytes(200) == rtc.memory()
