"""Blobs and NVM images to inspect: real ones, made by the packer and by the core."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import graphs
import numpy as np
from freeml_pack.blob import open_metadata, write_blob
from freeml_pack.engine import Engine, Session

TAG = 7
GRAPH = graphs.every_kind()
PLAN = graphs.tight_plan(GRAPH, np.random.default_rng(1))
BLOB = write_blob(GRAPH, PLAN, "generic")
ENGINE = Engine(BLOB)
SAMPLE = graphs.random_sample(GRAPH)
SMALL_GRAPH = graphs.chain()
OTHER_BLOB = write_blob(SMALL_GRAPH, graphs.tight_plan(SMALL_GRAPH))


def image(steps: int | None = 60) -> bytearray:
    """NVM of a device after so many steps of an inference, None: after all; 0: only the sample is there."""
    memory = bytearray(ENGINE.nvm_size)
    session = Session(ENGINE, memory)
    session.start(SAMPLE, TAG)
    if steps != 0:
        session.step(steps or 0)
    return memory


def resealed(blob: bytes, original: bytes = BLOB) -> bytes:
    """The original with changes behind its header, and both checksums right."""
    result = bytearray(blob)
    (size,) = struct.unpack_from("<I", original, 8)
    section = open_metadata(original).Sections(0)._tab.Pos
    struct.pack_into("<I", result, section + 8, zlib.crc32(blob[size:]))
    struct.pack_into("<I", result, 16, zlib.crc32(result[20:size], zlib.crc32(result[:16])))
    return bytes(result)


def op_position(index: int) -> int:
    """Where in BLOB the row of an operator lies."""
    position: Any = open_metadata(BLOB).Ops(index)._tab.Pos
    return int(position)


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
