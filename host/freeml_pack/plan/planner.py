"""The planner: allocation, then tiles, then commits."""

from __future__ import annotations

from freeml_pack.graph import Graph
from freeml_pack.plan.allocate import allocate
from freeml_pack.plan.commit import place_commits
from freeml_pack.plan.tile import choose_tile
from freeml_pack.plan.types import MemoryPlan
from freeml_pack.targets import Target


def plan(graph: Graph, target: Target) -> MemoryPlan:
    """Plan of a graph for a target: arena offsets, tiles of at most target.step_macs, commits at least every
    target.interval_macs. Deterministic. PackError where a layer's sizes exceed the format."""
    tensors, sample, arena_size = allocate(graph)
    tiles = [choose_tile(graph, op, target) for op in graph.ops]
    ops = place_commits(graph, tensors, sample, tiles, target.interval_macs)
    return MemoryPlan(tensors, sample, arena_size, ops)
