"""Where commits go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from freeml_pack.graph import Graph, Quantize, Shape
from freeml_pack.plan.tile import element_cost, op_space, tile_count
from freeml_pack.plan.types import Allocation, OpPlan


def place_commits(
    graph: Graph, tensors: dict[str, Allocation], sample: Allocation, tiles: Sequence[Shape], interval: int
) -> tuple[OpPlan, ...]:
    """As few commits as keep every interval re-runnable and its cost at most `interval` (one step may cost more)."""
    plans: list[OpPlan] = []
    run: list[int] = []  # ops that can share an interval
    pending = 0  # cost since the last commit
    for index, (op, tile) in enumerate(zip(graph.ops, tiles, strict=True)):
        space, cost = op_space(graph, op), element_cost(graph, op)
        step, count = prod(tile) * cost, tile_count(space, tile)
        every = max(1, interval // step)
        if every >= count:
            every = 0
        first = every * step if every else prod(space) * cost
        if run and (pending + first > interval or not _rerunnable(graph, tensors, sample, [*run, index])):
            plans[-1] = replace(plans[-1], commit_last=True)
            run, pending = [], 0
        plans.append(OpPlan(tile, every, commit_last=every > 0))
        run, pending = ([], 0) if every else ([*run, index], pending + first)
    plans[-1] = replace(plans[-1], commit_last=True)
    return tuple(plans)


def _rerunnable(graph: Graph, tensors: dict[str, Allocation], sample: Allocation, run: Sequence[int]) -> bool:
    """The commit rule for consecutive ops, in whole tensors: what the run reads from before it, it never overwrites. Parts of
    a tensor that the run itself writes, as for a concatenation, are no matter: it writes them again before it reads them."""
    ops = [graph.ops[i] for i in run]
    older = {op.output for op in graph.ops[: run[0]]}
    reads = [(name, tensors[name]) for op in ops for name in op.inputs if name in older]
    reads += [("", sample)] if any(isinstance(op, Quantize) for op in ops) else []
    return not any(op.output != name and tensors[op.output].overlaps(read) for op in ops for name, read in reads)
