"""The planner: allocation, then tiles, then commits."""

from __future__ import annotations

from freeml_pack.graph import Graph
from freeml_pack.plan.allocate import allocate
from freeml_pack.plan.commit import place_commits
from freeml_pack.plan.cost import CostModel
from freeml_pack.plan.tile import choose_tile
from freeml_pack.plan.types import MemoryPlan
from freeml_pack.targets import Target


def plan(graph: Graph, target: Target) -> MemoryPlan:
    """Plan of a graph for a target: arena offsets, tiles, and commits as far apart as pays (cost.py) and as surely fits a
    charge. Deterministic. PackError where a layer's sizes exceed the format, or one step the charge."""
    tensors, sample, arena_size = allocate(graph)
    costs = CostModel(graph, target, arena_size)
    tiles = [choose_tile(costs, op) for op in graph.ops]
    return MemoryPlan(tensors, sample, arena_size, place_commits(costs, tensors, sample, tiles))
