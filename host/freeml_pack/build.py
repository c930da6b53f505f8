"""From a float graph to a blob that an engine has opened, and what it takes on a target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from freeml_schema.model import OpFlag

from freeml_pack.blob import open_metadata, section_sizes, write_blob
from freeml_pack.budget import Costs
from freeml_pack.calibrate import Progress, Range, calibrate
from freeml_pack.encode import choose_encoding
from freeml_pack.engine import Engine
from freeml_pack.graph import Conv2d, Graph, Op
from freeml_pack.plan import MemoryPlan, check_commit_rule, plan
from freeml_pack.quantize import quantize
from freeml_pack.targets import Target

_LOOKUP_BYTES = 256


@dataclass(frozen=True, eq=False)
class Built:
    graph: Graph  # int8
    plan: MemoryPlan
    blob: bytes
    engine: Engine
    section_bytes: dict[str, int]
    constant_bytes: tuple[int, ...]  # of each op, as Graph.ops: weights, biases, multipliers, look-up table
    costs: Costs

    @property
    def other_bytes(self) -> int:
        """Of the blob, besides the constants of convolutions and linear layers."""
        pairs = zip(self.graph.ops, self.constant_bytes, strict=True)
        return len(self.blob) - sum(size - _lookup_bytes(op) for op, size in pairs if isinstance(op, Conv2d))


def build(
    graph: Graph,
    x: np.ndarray | None,
    target: Target,
    progress: Progress | None = None,
    input_range: Range | None = None,
) -> Built:
    """x, input_range: see `calibrate`. PackError where a layer exceeds the format or one step the charge;
    whether the sizes fit the target is for `check_fits` to say."""
    quantized = choose_encoding(quantize(graph, calibrate(graph, x, progress, input_range)), target)
    memory_plan = plan(quantized, target)
    check_commit_rule(quantized, memory_plan)
    blob = write_blob(quantized, memory_plan, target.name)
    engine = Engine(blob, streamed=not target.blob_mapped)
    sections = section_sizes(blob)
    costs = Costs(
        blob=len(blob),
        nvm=engine.nvm_size,
        arena_ram=0 if target.nvm_mapped else engine.arena_size,
        scratch=engine.scratch_size,
        metadata_ram=0 if target.blob_mapped else sections["header"] + sections["metadata"],
    )
    return Built(quantized, memory_plan, blob, engine, sections, _constant_bytes(blob), costs)


def _constant_bytes(blob: bytes) -> tuple[int, ...]:
    """Of each op; a look-up table counts for each op that uses it."""
    model = open_metadata(blob)
    ops = [model.Ops(index) for index in range(model.OpsLength())]
    return tuple(op.ParamsSize() + (_LOOKUP_BYTES if op.Flags() & OpFlag.HAS_LOOKUP else 0) for op in ops)


def _lookup_bytes(op: Op) -> int:
    return _LOOKUP_BYTES if op.q is not None and op.q.lookup is not None else 0
