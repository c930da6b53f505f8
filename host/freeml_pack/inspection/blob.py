"""What a blob says of itself, and what is wrong with one that is damaged."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

from freeml_pack.blob import HEADER_SIZE, NO_INDEX, VERSION, open_metadata
from freeml_pack.engine import Engine, EngineError, refused_op
from freeml_pack.inspection.network import KIND_NAMES, Network, read_network
from freeml_pack.inspection.weights import UNREADABLE, densities, harmless_weights

IDENTIFIER = b"FML1"


@dataclass(frozen=True)
class Section:
    """A part of the file. state: "good", "damaged", "cut off", or "unknown" where nothing says what it should be."""

    name: str
    offset: int
    size: int  # bytes that it should have
    crc32: str  # that it should have, hexadecimal
    state: str


@dataclass(frozen=True)
class BlobFacts:
    """network is None where the metadata cannot be relied on. engine: what the C core says, "ok" where it accepts the blob."""

    size: int  # of the file
    sections: tuple[Section, ...]
    engine: str
    faults: tuple[str, ...]
    network: Network | None
    densities: tuple[float | None, ...]  # see weights.py; empty where the core refuses the blob
    scratch_size: int | None  # of the core, with the blob in memory; None where it refuses the blob
    streamed_scratch_size: int | None  # the same where weights are read step by step


def looks_like_blob(data: bytes) -> bool:
    """Also one whose identifier is damaged: its header still tells the file's length."""
    return data[4:8] == IDENTIFIER or (len(data) > HEADER_SIZE and _u32(data, 12) == len(data))


def read_blob(data: bytes) -> BlobFacts:
    """Never raises for bytes that look_like_blob."""
    try:
        mapped, streamed = Engine(data), Engine(data, streamed=True)
    except EngineError as error:
        return _diagnose(data, error.text)
    network = read_network(data)
    sizes = (mapped.scratch_size, streamed.scratch_size)
    return BlobFacts(len(data), _sections(data), "ok", (), network, densities(data), *sizes)


def _u32(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "little")


def _metadata_crc(data: bytes) -> int:
    return zlib.crc32(data[HEADER_SIZE : _u32(data, 8)], zlib.crc32(data[:16]))


def _diagnose(data: bytes, engine: str) -> BlobFacts:
    if len(data) < HEADER_SIZE:
        fault = f"the file ends after {len(data)} bytes, inside the header of {HEADER_SIZE}; copy it again"
        return BlobFacts(len(data), (), engine, (fault,), None, (), None, None)
    sections = _sections(data)
    faults = [*_header_faults(data), *(_section_fault(section, data) for section in sections if section.state != "good")]
    network = None
    if sections[0].state == "good":
        whole = _with_harmless_weights(data)
        try:
            Engine(whole)
            network = read_network(whole)
        except EngineError as error:
            faults.append(_structure_fault(whole, error))
    if not faults:  # all is as it was packed: it is the constants that the core refuses
        faults.append(_refusal(refused_op(data), engine))
    return BlobFacts(len(data), sections, engine, tuple(faults), network, (), None, None)


def _sections(data: bytes) -> tuple[Section, ...]:
    """Metadata, with the header, and weights."""
    metadata_size, file_size = _u32(data, 8), _u32(data, 12)
    stored = _u32(data, 16)
    state = _state(len(data) >= metadata_size, stored == _metadata_crc(data))
    metadata = Section("metadata", 0, metadata_size, f"{stored:08x}", state)
    offset, size, crc = metadata_size, max(file_size - metadata_size, 0), None
    if state == "good":
        crc = _weights_crc(data)
    weights_state = "unknown" if crc is None else _state(len(data) >= file_size, crc == zlib.crc32(data[offset:file_size]))
    return metadata, Section("weights", offset, size, "" if crc is None else f"{crc:08x}", weights_state)


def _state(complete: bool, equal: bool) -> str:
    if not complete:
        return "cut off"
    return "good" if equal else "damaged"


def _weights_crc(data: bytes) -> int | None:
    try:
        return int(_section_row(data).Crc32())
    except UNREADABLE:
        return None


def _section_row(data: bytes) -> Any:
    """The row of the blob's section. One of UNREADABLE where there is none."""
    model = open_metadata(data)
    if model.SectionsLength() != 1:
        raise ValueError
    return model.Sections(0)


def _header_faults(data: bytes) -> list[str]:
    faults = []
    if data[4:8] != IDENTIFIER:
        faults.append(f"it begins with {data[4:8]!r} where a blob has {IDENTIFIER!r}")
    file_size, missing = _u32(data, 12), _u32(data, 12) - len(data)
    if missing:
        text = f"the last {missing:,} are missing" if missing > 0 else f"{-missing:,} too many stand at the end"
        faults.append(f"the header says {file_size:,} bytes, the file has {len(data):,}: {text}; copy it again")
    if not HEADER_SIZE < _u32(data, 8) <= file_size:
        faults.append(f"the header says {_u32(data, 8):,} bytes of metadata in a file of {file_size:,}, which cannot be")
    return faults


def _section_fault(section: Section, data: bytes) -> str:
    where = f"the {section.name} (bytes {section.offset:,} to {section.offset + section.size - 1:,})"
    if section.state == "unknown":
        return f"the {section.name} cannot be judged: what should be there is told by the metadata"
    if section.state == "cut off":
        return f"{where} are cut off: {max(len(data) - section.offset, 0):,} of {section.size:,} bytes are there"
    found = _metadata_crc(data) if section.offset == 0 else zlib.crc32(data[section.offset : section.offset + section.size])
    return f"{where} are damaged: their CRC-32 is {found:08x} where {section.crc32} is recorded; copy the blob again"


def _with_harmless_weights(data: bytes) -> bytes:
    """The same metadata with constants that nobody can object to, all lengths and checksums right: what the core says of it, it
    says of the metadata alone. As it is where the metadata has no row for the section."""
    metadata_size, file_size = _u32(data, 8), _u32(data, 12)
    metadata = bytearray(data[:metadata_size])
    weights = harmless_weights(bytes(metadata), max(file_size - metadata_size, 0))
    try:
        struct.pack_into("<I", metadata, _section_row(data)._tab.Pos + 8, zlib.crc32(weights))
    except UNREADABLE:
        return data
    struct.pack_into("<I", metadata, 16, _metadata_crc(bytes(metadata)))
    return bytes(metadata) + weights


def _structure_fault(blob: bytes, error: EngineError) -> str:
    """blob: as a whole, with good checksums, but refused."""
    index = refused_op(blob)
    try:
        model = open_metadata(blob)
        if model.Version() != VERSION:
            return f"it is of format version {model.Version()}, this FreeML reads {VERSION}; pack the model again"
        row = "" if index is None else f"; it is {_row(model.Ops(index))}"
    except UNREADABLE:
        row = ""
    return _refusal(index, error.text + row)


def _refusal(op: int | None, reason: str) -> str:
    what = "it" if op is None else f"operator {op}"
    return f"the checksums are right, but the core refuses {what}: {reason}; pack the model again"


def _row(row: Any) -> str:
    """An operator's numbers as they stand, without trust in them."""
    name = KIND_NAMES.get(row.Kind(), f"unknown kind {row.Kind()}")
    tensors = ["none" if index == NO_INDEX else str(index) for index in (row.Input(), row.Input2(), row.Output())]
    tile = f"{row.TileRows()}x{row.TileColumns()}x{row.TileChannels()}"
    return f"{name}, inputs {tensors[0]} and {tensors[1]}, output {tensors[2]}, tile {tile}, {row.ParamsSize():,} bytes"
