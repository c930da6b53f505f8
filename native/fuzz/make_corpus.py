"""Writes the seeds of the fuzz targets: small blobs by the real packer, and sequences of actions for the journal.

usage: make_corpus.py [FOLDER]       default: corpus, beside this file

Deterministic; run it again when the format changes. Files of other names (what fuzzing found) are left alone."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import graphs  # noqa: E402
from freeml_pack.blob import open_metadata, write_blob  # noqa: E402
from freeml_pack.graph import Encoding, Graph, SampleType, Strides, View, Window  # noqa: E402
from freeml_pack.plan import MemoryPlan  # noqa: E402


def small() -> Graph:
    """Few bytes, branches, a concatenation."""
    b = graphs.Builder(np.random.default_rng(0))
    x = b.quantize((2, 3, 2))
    y = b.conv(x, 4, Window((1, 1)))
    z = b.depthwise(x, Window((1, 1)))
    return b.finish(b.linear(b.adaptive_pool(b.concat(z, y), (1, 1)), 3))


def borders() -> Graph:
    """Windows that hang over, with strides and dilation, odd numbers of channels and pixels; signed samples."""
    b = graphs.Builder(np.random.default_rng(1))
    x = b.quantize((3, 5, 7), SampleType.INT8)
    x = b.conv(x, 5, Window((3, 3), (2, 2), (1, 2), (1, 2, 1, 2)), lookup=True)
    x = b.depthwise(x, Window((2, 3), padding=(1, 1, 0, 1)))
    x = b.average_pool(x, Window((2, 2), (1, 1), padding=(1, 1, 0, 0)))
    return b.finish(b.conv(b.max_pool(x, Window((3, 2), (2, 2), padding=(1, 0, 1, 0))), 3, Window((1, 1))))


def groups() -> Graph:
    """Grouped and depthwise convolutions whose multiplier is not 1; 16-bit samples."""
    b = graphs.Builder(np.random.default_rng(2))
    x = b.quantize((6, 4, 3), SampleType.UINT16)
    x = b.conv(x, 9, Window((2, 2), padding=(1, 0, 0, 1)), groups=3)
    x = b.depthwise(x, Window((3, 1), padding=(1, 0, 1, 0)), multiplier=3)
    return b.finish(b.multiply(x, b.adaptive_pool(x, (1, 1))))


def reversed_rows() -> Graph:
    """Views with negative strides; the last constants of the file are a look-up table."""
    b = graphs.Builder(np.random.default_rng(3))
    x = b.quantize((2, 4, 4))
    y = b.tensor((4, 4, 2), like=x)
    b.copy(x, y, View((4, 4, 2), Strides(31, -8, -2, -1), Strides(0, 2, 8, 1)), lookup=True)
    z = b.tensor((4, 4, 2))
    b.copy(b.add(x, y), z, View((4, 4, 2), Strides(0, 8, 2, 1), Strides(30, -8, -2, 1)), lookup=True)
    return b.finish(z)


def most_tiles() -> Graph:
    """One byte, written again and again: as many steps as a record can name."""
    b = graphs.Builder(np.random.default_rng(4))
    x = b.quantize((1, 1, 1))
    y = b.tensor((1, 1, 1), like=x)
    return b.finish(b.copy(x, y, View((255, 257, 1), Strides(0, 0, 0, 0), Strides(0, 0, 0, 0))))


def encoded(encoding: Encoding) -> Graph:
    """Weights in an encoding, in a convolution and a linear layer, some behind a long gap."""
    b = graphs.Builder(np.random.default_rng(6))
    x = b.conv(b.quantize((3, 4, 3)), 7, Window((2, 2), padding=(1, 0, 0, 1)), encoding=encoding, density=0.4)
    return b.finish(b.linear(b.flatten(x), 5, encoding, density=0.1))


def smallest_tiles(graph: Graph) -> MemoryPlan:
    plan = graphs.roomy_plan(graph)
    return replace(plan, ops=tuple(replace(op, tile=(1, 1, 1)) for op in plan.ops))


def blobs() -> Iterator[tuple[str, bytes]]:
    graph_of = {
        "chain": graphs.chain(),
        "every-kind": graphs.every_kind(),
        "small": small(),
        "borders": borders(),
        "groups": groups(),
        "reversed": reversed_rows(),
        "in-parts": graphs.in_parts(),
    }
    rng = np.random.default_rng(7)
    for name, graph in graph_of.items():
        yield f"{name}-tight", write_blob(graph, graphs.tight_plan(graph, rng))
        yield f"{name}-roomy", write_blob(graph, graphs.roomy_plan(graph, rng))
    for encoding in Encoding:
        if encoding != Encoding.DENSE_8:
            graph = encoded(encoding)
            yield encoding.name.lower().replace("_", "-"), write_blob(graph, graphs.tight_plan(graph, rng))
    yield "most-tiles", write_blob(most_tiles(), smallest_tiles(most_tiles()))
    yield "adaptive-dilation", adaptive_dilation(graphs.every_kind())
    yield "tiny", tiny()
    for name, plan in (("tight", graphs.tight_plan), ("roomy", graphs.roomy_plan)):
        yield f"exits-{name}", write_blob(graphs.with_exits(), plan(graphs.with_exits(), rng))


def sealed(blob: bytearray) -> bytes:
    """With the checksum of the metadata set right."""
    (metadata_size,) = struct.unpack_from("<I", blob, 8)
    struct.pack_into("<I", blob, 16, zlib.crc32(blob[:16] + blob[20:metadata_size]))
    return bytes(blob)


def tiny() -> bytes:
    """A root table with a version and nothing else, at the end of the file: what reads on leaves it."""
    table = struct.pack("<4H", 8, 6, 4, 0) + struct.pack("<iH", 8, 1)
    size = 20 + len(table)
    return sealed(bytearray(struct.pack("<I4s3I", 28, b"FML1", size, size, 0) + table))


def adaptive_dilation(graph: Graph) -> bytes:
    """Refused now: adaptive pooling whose window says to step 255 rows from row to row, out of the arena."""
    blob = bytearray(write_blob(graph, graphs.roomy_plan(graph)))
    root = open_metadata(bytes(blob))
    op = next(root.Ops(i) for i in range(root.OpsLength()) if root.Ops(i).Flags() & 4)
    blob[root.Windows(op.Attribute())._tab.Pos + 6] = 255
    return sealed(blob)


OPEN, START, STEP, STEPS, CANCEL, FAIL, CUT, LOSE, TAMPER, SEALED = range(10)


def histories() -> Iterator[tuple[str, list[int]]]:
    """Actions of fuzz_journal.c, the first two numbers aside: kind, argument, and what the kind takes besides."""
    yield "plain", [START, 1, STEPS, 0, CUT, 0, START, 2, STEPS, 0, CANCEL, 0]
    yield "single-steps", [START, 3, *[STEP, 0, CUT, 2] * 12, STEPS, 0]
    yield "failures", [START, 0, *(n for at in range(12) for n in (FAIL, 0, at, 5 * at, STEPS, 3)), STEPS, 0]
    yield "start-fails", [*(n for at in range(10) for n in (FAIL, 0, at, at, START, at, STEPS, 0))]
    yield "two-models", [START, 0, STEPS, 2, OPEN, 1, START, 1, STEPS, 1, OPEN, 0, START, 2, OPEN, 2, START, 3, STEPS, 0]
    yield (
        "lost-slots",
        [START, 1, *[STEPS, 2, CUT, 3, LOSE, 0, STEPS, 2, CUT, 1, LOSE, 3] * 3, STEPS, 0, CUT, 0, LOSE, 1, START, 0],
    )
    record = [70, 74, 1, 0, 0, 0, 0, 0, 9, 0, 0, 0, 16, 1, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0]
    yield (
        "sealed",
        [SEALED, 2, *record, SEALED, 3, *record, STEPS, 0, START, 1, STEPS, 0, SEALED, 0, *record, CANCEL, 0, START, 2],
    )
    yield "tampered", [START, 1, STEPS, 3, TAMPER, 0, *range(1), STEPS, 2, TAMPER, 20, *range(21), START, 0, STEPS, 0]


def main() -> None:
    corpus = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "corpus"
    for folder in ("blob", "journal"):
        (corpus / folder).mkdir(parents=True, exist_ok=True)
    for name, blob in blobs():
        (corpus / "blob" / f"{name}.fml").write_bytes(blob)
    for name, actions in histories():
        for choices in range(4):
            (corpus / "journal" / f"{name}-{choices}").write_bytes(bytes([choices, 1, *actions]))


if __name__ == "__main__":
    main()
