"""What the journal of an NVM image says: its two slots, the state in which a device will find itself, and why."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

from construct import Const, Enum
from freeml_schema.journal import ARENA_OFFSET as JOURNAL_SIZE
from freeml_schema.journal import SLOT_COUNT, SLOT_SIZE, Phase, Record

_SIZE = Record.sizeof()
_PARTS = {part.name: part.subcon for part in Record.subcons}
_OFFSETS = {part.name: sum(before.sizeof() for before in Record.subcons[:index]) for index, part in enumerate(Record.subcons)}
_ZERO = ("reserved",)  # fields that are 0 in this version
_CRC = "crc32"


@dataclass(frozen=True)
class Slot:
    """state: "good", "damaged", "blank" (erased). problems: fields that are wrong. fields: as they stand, right or wrong."""

    number: int
    state: str
    problems: tuple[str, ...]
    fields: dict[str, int]
    crc32: int  # what the record's CRC-32 should be

    @property
    def has_magic(self) -> bool:
        return "magic" not in self.problems and self.state != "blank"

    @property
    def phase(self) -> str:
        """Of a good slot: "IDLE", "RUNNING", "DONE"."""
        return str(Phase.decmapping[self.fields["phase"]])

    def newer_than(self, other: Slot) -> bool:
        """Numbers wrap around; the newer of two is at most half the circle ahead."""
        return 0 < (self.fields["sequence"] - other.fields["sequence"]) % 2**32 <= 2**31


@dataclass(frozen=True)
class Journal:
    """state: what the core finds: "blank", "valid", "damaged" ("foreign" depends on the model). newest: the slot that counts
    where it is valid."""

    state: str
    slots: tuple[Slot, ...]
    newest: Slot | None


def looks_like_nvm(data: bytes) -> bool:
    """Whether a slot has the magic, or the whole journal is erased."""
    if len(data) < JOURNAL_SIZE:
        return False
    slots = [read_slot(data, number) for number in range(SLOT_COUNT)]
    return any(slot.has_magic for slot in slots) or all(slot.state == "blank" for slot in slots)


def read_journal(data: bytes) -> Journal:
    """The journal of an image of at least JOURNAL_SIZE bytes (schema/SPEC.md, "NVM image")."""
    slots = tuple(read_slot(data, number) for number in range(SLOT_COUNT))
    newest: Slot | None = None
    for slot in slots:
        if slot.state == "good" and (newest is None or slot.newer_than(newest)):
            newest = slot
    if newest is not None:
        return Journal("valid", slots, newest)
    return Journal("damaged" if any(slot.has_magic for slot in slots) else "blank", slots, None)


def read_slot(data: bytes, number: int) -> Slot:
    record = data[number * SLOT_SIZE : number * SLOT_SIZE + _SIZE]
    raw = {name: record[offset : offset + _PARTS[name].sizeof()] for name, offset in _OFFSETS.items()}
    fields = {name: int.from_bytes(part, "little") for name, part in raw.items()}
    crc = zlib.crc32(record[: _OFFSETS[_CRC]])
    if record.count(record[0]) == _SIZE and record[0] in (0x00, 0xFF):
        return Slot(number, "blank", (), fields, crc)
    problems = [name for name, part in raw.items() if not _in_range(name, part, fields[name])]
    if fields["exit"] and fields["phase"] != Phase.encmapping["DONE"]:
        problems.append("exit")
    if fields[_CRC] != crc:
        problems.append(_CRC)
    return Slot(number, "damaged" if problems else "good", tuple(problems), fields, crc)


def _in_range(name: str, raw: bytes, value: int) -> bool:
    part: Any = _PARTS[name]
    if isinstance(part, Const):
        return bool(raw == part.build(None))
    if isinstance(part, Enum):
        return value in part.decmapping
    return value == 0 or name not in _ZERO
