"""Byte layout of a FreeML NVM image: two journal slots that hold the same record, then the arena.

This construct description is the one source of the journal's layout; the C offsets in
``native/src/journal_layout.h`` are generated from it by ``schema/regenerate.py``.
"""

from construct import Const, Enum, Int8ul, Int16ul, Int32ul, Struct

Phase = Enum(Int8ul, IDLE=0, RUNNING=1, DONE=2)
"""IDLE: nothing to resume. RUNNING: a sample is committed, `op`/`tile` is the next step. DONE: the output holds the answer."""

Record = Struct(
    "magic" / Const(0x4A46, Int16ul),  # "FJ"
    "phase" / Phase,
    "exit" / Int8ul,  # DONE: number of the exit that answered, from 1; 0: the whole network, and in all other phases
    "model_id" / Int32ul,  # metadata CRC-32 of the blob that wrote the record
    "sequence" / Int32ul,  # one more than the record before it, modulo 2**32; the newest valid record wins
    "tag" / Int32ul,  # the application's name for the sample
    "op" / Int16ul,
    "tile" / Int16ul,
    "boots" / Int16ul,  # openings of the session since the last commit, at most 65535
    "reserved" / Int16ul,  # 0
    "crc32" / Int32ul,  # IEEE 802.3 (zlib) of the bytes before it
)

SLOT_COUNT = 2
SLOT_SIZE = 32  # bytes; Record at the slot's start, the rest unused
ARENA_OFFSET = SLOT_COUNT * SLOT_SIZE

assert Record.sizeof() <= SLOT_SIZE
