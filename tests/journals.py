"""The two slots of an NVM image, to look at and to tamper with."""

from __future__ import annotations

import zlib

from freeml_schema import journal

SIZE = journal.Record.sizeof()


def journal_slots(memory: bytes) -> tuple[bytes, bytes]:
    """The bytes of both records."""
    first, second = (bytes(memory[slot * journal.SLOT_SIZE :][:SIZE]) for slot in range(journal.SLOT_COUNT))
    return first, second


def fill_slots(memory: bytearray, first: bytes, second: bytes | None = None) -> None:
    """Sets both records; without `second` to the same."""
    memory[:SIZE] = first
    memory[journal.SLOT_SIZE : journal.SLOT_SIZE + SIZE] = first if second is None else second


def sealed(record: dict, **changes: object) -> bytes:
    """A record's bytes with fields changed and the checksum right."""
    fields = {key: value for key, value in record.items() if not key.startswith("_")} | changes | {"crc32": 0}
    data = journal.Record.build(fields)
    return data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")
