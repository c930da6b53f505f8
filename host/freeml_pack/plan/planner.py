"""The planner: allocation, then tiles, then commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from freeml_pack.errors import PackError
from freeml_pack.graph import Graph
from freeml_pack.plan.allocate import allocate
from freeml_pack.plan.commit import place_commits
from freeml_pack.plan.cost import CostModel
from freeml_pack.plan.intervals import plan_costs
from freeml_pack.plan.tile import choose_tile
from freeml_pack.plan.types import MemoryPlan
from freeml_pack.targets import Target

_DELAYS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)  # ops; see allocate
_PLENTY = 4  # an arena that could be smaller takes one such part of a memory at most
_WORTHWHILE = 0.01  # of the plans this near to the cheapest, the one with the smallest arena is taken


def plan(graph: Graph, target: Target) -> MemoryPlan:
    """Plan of a graph for a target: arena offsets, tiles, and commits as far apart as pays (cost.py) and as surely fits a
    charge. Where tensors that share bytes force dear commits and the target has plenty of memory, fewer share bytes.
    Deterministic. PackError where a layer's sizes exceed the format, or one step the charge."""
    plans = [_plan(graph, target, 0), *_roomier_plans(graph, target)]
    costs = [plan_costs(graph, made, target).expected for made in plans]
    enough = min(costs) / (1 - _WORTHWHILE)
    return min((made for made, cost in zip(plans, costs, strict=True) if cost <= enough), key=lambda made: made.arena_size)


def _roomier_plans(graph: Graph, target: Target) -> Iterator[MemoryPlan]:
    """Plans in which fewer and fewer tensors share bytes, as long as their arenas are small against the target's memories;
    none where these are not known."""
    memories = [target.nvm_bytes] if target.nvm_mapped else [target.nvm_bytes, target.ram_bytes]
    room = min(size or 0 for size in memories) // _PLENTY
    for delay in _DELAYS:
        if delay > len(graph.ops) or allocate(graph, delay)[2] > room:
            return
        with suppress(PackError):  # a larger arena can take too long to be read back
            yield _plan(graph, target, delay)


def _plan(graph: Graph, target: Target, delay: int) -> MemoryPlan:
    tensors, sample, arena_size = allocate(graph, delay)
    costs = CostModel(graph, target, arena_size)
    tiles = [choose_tile(costs, op) for op in graph.ops]
    return MemoryPlan(tensors, sample, arena_size, place_commits(costs, tensors, sample, tiles))
