"""Steps on a streamed source: constants are read once per channel block, and a failed read leaves nothing half-read in use."""

from __future__ import annotations

import functools
import runpy
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine
from freeml_pack.plan import MemoryPlan, OpPlan
from graphs import chain, every_kind, random_sample, roomy_plan

ROOT = Path(__file__).resolve().parents[2]
ERROR_IO = -17
INTERP = """
void fml_interp_reset(const fml_model *model, uint8_t *scratch);
int fml_model_op(const fml_model *model, uint32_t index, void *op);
int fml_interp_step(const fml_model *model, const void *op, uint32_t tile, uint8_t *arena, uint8_t *scratch);
"""


@functools.cache
def core() -> tuple[cffi.FFI, Any]:
    """(ffi, lib) over the whole core, with the interpreter's own functions."""
    native = ROOT / "native"
    declarations = runpy.run_path(str(native / "ports" / "cpython" / "build_engine.py"))["declarations"]
    ffi = cffi.FFI()
    ffi.cdef(declarations((native / "include" / "freeml.h").read_text()) + INTERP)
    target = Path(tempfile.mkdtemp(prefix="freeml-core-")) / "core.so"
    sources = map(str, sorted((native / "src").rglob("*.c")))
    command = ["cc", "-std=c99", "-O1", "-shared", "-fPIC", f"-I{native / 'include'}", f"-I{native / 'src'}"]
    subprocess.run([*command, *sources, "-o", str(target)], check=True)
    return ffi, ffi.dlopen(str(target))


@dataclass
class Streamed:
    """A blob that is read through a callback, with its arena and scratch."""

    blob: bytes
    reads: list[tuple[int, int]] = field(default_factory=list)  # offset, size
    fail_at: int = -1  # the read that fails

    def __post_init__(self) -> None:
        ffi, self.lib = core()
        source = ffi.new("fml_source *", {"size": len(self.blob)})
        self._callback = ffi.callback("int(void *, uint32_t, void *, uint32_t)", self._read)
        source.read = self._callback
        self._metadata = ffi.new("uint8_t[]", self.blob[: self.lib.fml_metadata_size(self.blob[:20], len(self.blob))])
        self.model = ffi.new("fml_model *")
        assert self.lib.fml_model_open(self.model, source, self._metadata, ffi.new("uint8_t[]", 64), 64) == 0
        self.arena = ffi.new("uint8_t[]", self.model.arena_size)
        self.scratch = ffi.new("uint32_t[]", [0xA5A5A5A5] * (-(-self.model.scratch_size // 4)))
        self.lib.fml_interp_reset(self.model, self._bytes(self.scratch))
        self.reads.clear()

    def _bytes(self, pointer: Any) -> Any:
        return core()[0].cast("uint8_t *", pointer)

    def _read(self, _context: Any, offset: int, to: Any, size: int) -> int:
        if len(self.reads) == self.fail_at:
            self.fail_at = -1
            core()[0].memmove(to, b"\xff" * (size // 2), size // 2)
            return -1
        core()[0].memmove(to, self.blob[offset : offset + size], size)
        self.reads.append((offset, size))
        return 0

    def step(self, op: int, tile: int) -> int:
        decoded = core()[0].new("uint32_t[]", 64)  # more than an fml_op
        status = self.lib.fml_model_op(self.model, op, decoded)
        return int(status or self.lib.fml_interp_step(self.model, decoded, tile, self.arena, self._bytes(self.scratch)))

    def steps(self) -> list[tuple[int, int]]:
        return [(op, t) for op in range(self.model.op_count) for t in range(self.lib.fml_op_tiles(self.model, op))]

    def start(self, sample: bytes) -> None:
        core()[0].memmove(self.arena + self.model.sample_offset, sample, len(sample))


def row_tiles(plan: MemoryPlan) -> MemoryPlan:
    """One output row a tile, so that many tiles share their constants."""
    ops = tuple(OpPlan((1, *op.tile[1:]), op.commit_every, op.commit_last) for op in plan.ops)
    return MemoryPlan(plan.tensors, plan.sample, plan.arena_size, ops)


def run(blob: bytes, sample: bytes) -> Streamed:
    streamed = Streamed(blob)
    streamed.start(sample)
    for op, tile in streamed.steps():
        assert streamed.step(op, tile) == 0
    return streamed


@pytest.mark.parametrize("graph", [chain(1), every_kind(1)], ids=["chain", "every_kind"])
def test_constants_are_read_once_for_all_tiles_that_share_them(graph: Any) -> None:
    sample = random_sample(graph)
    by_rows = run(write_blob(graph, row_tiles(roomy_plan(graph))), sample)
    assert len(by_rows.steps()) > 2 * len(graph.ops)
    assert len(by_rows.reads) == len(set(by_rows.reads))
    assert len(by_rows.reads) == len(run(write_blob(graph, roomy_plan(graph)), sample).reads)


@pytest.mark.parametrize("graph", [chain(2), every_kind(2)], ids=["chain", "every_kind"])
def test_streamed_steps_give_the_arena_of_mapped_ones(graph: Any) -> None:
    for seed in range(5):
        blob = write_blob(graph, roomy_plan(graph, np.random.default_rng(seed)))
        sample = random_sample(graph, seed)
        streamed = run(blob, sample)
        scores = Engine(blob).run(sample)
        arena = bytes(core()[0].buffer(streamed.arena))
        output = roomy_plan(graph).tensors[graph.output]
        assert arena[output.offset : output.offset + output.size] == scores.tobytes()


@pytest.mark.parametrize("graph", [chain(3), every_kind(3)], ids=["chain", "every_kind"])
def test_a_failed_read_is_reported_and_the_step_runs_again(graph: Any) -> None:
    blob = write_blob(graph, row_tiles(roomy_plan(graph)))
    sample = random_sample(graph)
    good = run(blob, sample)
    for fail_at in range(len(good.reads)):
        streamed = Streamed(blob)
        streamed.fail_at = fail_at
        streamed.start(sample)
        failures = 0
        for op, tile in streamed.steps():
            status = streamed.step(op, tile)
            if status != 0:
                failures += 1
                assert status == ERROR_IO
                assert streamed.step(op, tile) == 0
        assert failures == 1
        assert bytes(core()[0].buffer(streamed.arena)) == bytes(core()[0].buffer(good.arena))


def test_an_operator_out_of_range_is_refused() -> None:
    graph = chain(4)
    streamed = Streamed(write_blob(graph, roomy_plan(graph)))
    assert streamed.step(len(graph.ops), 0) == -7
