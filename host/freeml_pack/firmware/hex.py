"""Intel HEX, which every flash programmer reads."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

_DATA, _END, _HIGH_ADDRESS = 0, 1, 4
_RECORD_BYTES = 16
_LOAD = 1  # PT_LOAD


def loaded(elf: bytes) -> Iterator[tuple[int, bytes]]:
    """(physical address, bytes) of what a 32-bit little-endian ELF file loads."""
    (table,) = struct.unpack_from("<I", elf, 28)
    size, count = struct.unpack_from("<HH", elf, 42)
    for at in range(table, table + size * count, size):
        kind, offset, _, address, length = struct.unpack_from("<5I", elf, at)
        if kind == _LOAD and length > 0:
            yield address, elf[offset : offset + length]


def intel_hex(segments: Iterable[tuple[int, bytes]]) -> str:
    """The text of a HEX file. No record crosses 64 KB."""
    lines, high = [], 0
    for start, data in segments:
        at = 0
        while at < len(data):
            address = start + at
            if address >> 16 != high:
                high = address >> 16
                lines.append(_record(_HIGH_ADDRESS, 0, high.to_bytes(2, "big")))
            size = min(_RECORD_BYTES, 0x10000 - (address & 0xFFFF))
            lines.append(_record(_DATA, address & 0xFFFF, data[at : at + size]))
            at += size
    return "".join([*lines, _record(_END, 0, b"")])


def _record(kind: int, address: int, data: bytes) -> str:
    body = bytes([len(data)]) + address.to_bytes(2, "big") + bytes([kind]) + data
    return f":{body.hex().upper()}{-sum(body) & 0xFF:02X}\n"
