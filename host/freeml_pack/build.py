"""From a float graph to a blob that an engine has opened, and what it takes on a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from freeml_schema.model import OpFlag

from freeml_pack.blob import open_metadata, section_sizes, write_blob
from freeml_pack.budget import Costs
from freeml_pack.calibrate import Progress, Range, calibrate
from freeml_pack.encode import choose_encoding
from freeml_pack.engine import Engine
from freeml_pack.exit_head import Depth
from freeml_pack.graph import Conv2d, Exit, Graph
from freeml_pack.passes import fuse_pool
from freeml_pack.plan import MemoryPlan, check_commit_rule, plan, separate, split_sums, step_fits
from freeml_pack.quantize import add_exits, quantize
from freeml_pack.targets import Target

_LOOKUP_BYTES = 256
_MOST_ATTEMPTS = 4  # until a blob fits its target
_NARROWER = (1.0, 0.7, 0.4)  # of the room for constants, less what RAM lacks, until it does not; narrow blocks cost bytes


@dataclass(frozen=True, eq=False)
class Built:
    graph: Graph  # int8
    target: Target  # that it is planned for: one that maps the blob where the blob is small enough
    plan: MemoryPlan
    blob: bytes
    engine: Engine
    section_bytes: dict[str, int]
    constant_bytes: tuple[int, ...]  # of each op, as Graph.ops: weights, biases, multipliers, look-up table
    costs: Costs

    def layer_bytes(self) -> dict[str, int]:
        """Constants of convolutions and linear layers, by the op's name; those that several ops share count for the first."""
        model, seen, sizes = open_metadata(self.blob), set[int](), dict[str, int]()
        for index, op in enumerate(self.graph.ops):
            if isinstance(op, Conv2d):
                stored = model.Ops(index)
                size = 0 if stored.Params() in seen else stored.ParamsSize()
                seen.add(stored.Params())
                sizes[op.name] = sizes.get(op.name, 0) + size
        return sizes

    @property
    def other_bytes(self) -> int:
        """Of the blob, besides the constants of convolutions and linear layers."""
        return len(self.blob) - sum(self.layer_bytes().values())

    @property
    def used_bytes(self) -> int:
        """Of nonvolatile memory: blob, journal, arena."""
        return self.costs.blob + self.costs.nvm

    def excess(self, target: Target) -> int:
        """Bytes by which the arena is too large for the target's memories; 0 or less: it is not."""
        needs = [(self.costs.nvm, target.nvm_bytes)] + ([] if target.nvm_mapped else [(self.costs.ram, target.ram_bytes)])
        return max((need - limit for need, limit in needs if limit is not None), default=0)


def build(
    graph: Graph,
    x: np.ndarray | None,
    target: Target,
    progress: Progress | None = None,
    input_range: Range | None = None,
    head: Sequence[Depth] = (),
) -> Built:
    """x, input_range: see `calibrate`; head: of early exits, none of which is taken by itself yet.

    Where the arena is too large for the target's memories, layers are separated by rows; where the RAM is too small for what
    steps read and work with, they read less.
    PackError where a layer exceeds the format or one step the charge; whether the sizes fit the target is for `check_fits`
    to say."""
    quantized = add_exits(quantize(graph, calibrate(graph, x, progress, input_range)), head)
    built = _fitted(quantized, target.mapping(1))
    if target.mapping(built.used_bytes) != target.mapping(1):  # too large to be mapped after all
        built = _fitted(quantized, target)
    check_commit_rule(built.graph, built.plan)
    return built


def _fitted(quantized: Graph, target: Target) -> Built:
    """With constants streamed in smaller pieces where the RAM is too small, once the arena is as small as it may be."""
    built = _separated(quantized, target)
    most = inf if target.ram_bytes is None else target.ram_bytes
    room = target.stream_bytes - max(0, built.costs.ram - most)
    for share in _NARROWER:
        if built.costs.ram <= most or room <= 0:  # there is no room where the blob is mapped
            break
        narrower = _separated(quantized, replace(target, stream_bytes=round(share * room)))
        if narrower.costs.ram < built.costs.ram:
            built = narrower
    return built


def _separated(quantized: Graph, target: Target) -> Built:
    """With layers separated where the arena is too large."""
    quantized = _suited(quantized, target)
    built = _planned(quantized, target)
    limit = built.plan.arena_size
    for _ in range(_MOST_ATTEMPTS):  # more operators have more metadata: the arena may have to shrink further than it seemed
        excess = built.excess(target)
        if excess <= 0 or limit <= excess:
            break
        limit -= excess
        separated = separate(quantized, limit)
        if separated.ops == built.graph.ops:
            break
        built = _planned(separated, target)
    return built


def with_exits(built: Built, exits: Sequence[Exit]) -> Built:
    """The same with other thresholds and temperatures; `exits` are otherwise those of the graph."""
    graph = built.graph.with_(exits=tuple(exits))
    blob = write_blob(graph, built.plan, built.target.name)
    return replace(built, graph=graph, blob=blob, engine=Engine(blob, streamed=not built.target.blob_mapped))


def _suited(graph: Graph, target: Target) -> Graph:
    """An int8 graph stored, cut, and put together, as suits the target. What a layer costs depends on its encoding, and
    parts of a layer can have another one than the whole."""
    graph = split_sums(choose_encoding(graph, target), target)
    return choose_encoding(fuse_pool(graph, step_fits(graph, target)), target)


def _planned(graph: Graph, target: Target) -> Built:
    memory_plan = plan(graph, target)
    blob = write_blob(graph, memory_plan, target.name)
    engine = Engine(blob, streamed=not target.blob_mapped)
    sections = section_sizes(blob)
    costs = Costs(
        blob=len(blob),
        nvm=engine.nvm_size,
        arena_ram=0 if target.nvm_mapped else engine.arena_size,
        scratch=engine.scratch_size if target.firmware is None else engine.scratch_of_one_window,
        metadata_ram=0 if target.blob_mapped else sections["header"] + sections["metadata"],
    )
    return Built(graph, target, memory_plan, blob, engine, sections, _constant_bytes(blob), costs)


def _constant_bytes(blob: bytes) -> tuple[int, ...]:
    """Of each op; a look-up table counts for each op that uses it."""
    model = open_metadata(blob)
    ops = [model.Ops(index) for index in range(model.OpsLength())]
    return tuple(op.ParamsSize() + (_LOOKUP_BYTES if op.Flags() & OpFlag.HAS_LOOKUP else 0) for op in ops)
