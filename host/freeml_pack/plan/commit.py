"""Where commits go."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from math import ceil

from freeml_pack.graph import Graph, Op, Quantize, Shape
from freeml_pack.plan.cost import CostModel
from freeml_pack.plan.space import op_space, tile_count
from freeml_pack.plan.types import Allocation, OpPlan


def place_commits(
    costs: CostModel, tensors: dict[str, Allocation], sample: Allocation, tiles: Sequence[Shape]
) -> tuple[OpPlan, ...]:
    """As few commits as keep every interval re-runnable and its cost at most costs.interval (one step may cost more)."""
    graph = costs.graph
    plans: list[OpPlan] = []
    run: list[int] = []  # ops that can share an interval
    pending = 0.0  # cost since the last commit
    for index, (op, tile) in enumerate(zip(graph.ops, tiles, strict=True)):
        every = _commit_every(costs, op, tile)
        first = costs.steps(op, tile, every) if every else costs.op(op, tile)
        if run and (pending + first > costs.interval or not _rerunnable(graph, tensors, sample, [*run, index])):
            plans[-1] = replace(plans[-1], commit_last=True)
            run, pending = [], 0.0
        plans.append(OpPlan(tile, every, commit_last=every > 0))
        run, pending = ([], 0.0) if every else ([*run, index], pending + first)
    plans[-1] = replace(plans[-1], commit_last=True)
    return tuple(plans)


def _commit_every(costs: CostModel, op: Op, tile: Shape) -> int:
    """Steps between two commits inside the op, evenly spread; 0: none needed."""
    count = tile_count(op_space(costs.graph, op), tile)
    most = max(1, bisect_right(range(1, count + 1), costs.interval, key=lambda n: costs.steps(op, tile, n)))
    return 0 if most == count else ceil(count / ceil(count / most))


def _rerunnable(graph: Graph, tensors: dict[str, Allocation], sample: Allocation, run: Sequence[int]) -> bool:
    """The commit rule for consecutive ops, in whole tensors: what the run reads from before it, it never overwrites. Parts of
    a tensor that the run itself writes, as for a concatenation, are no matter: it writes them again before it reads them."""
    ops = [graph.ops[i] for i in run]
    older = {op.output for op in graph.ops[: run[0]]}
    reads = [(name, tensors[name]) for op in ops for name in op.inputs if name in older]
    reads += [("", sample)] if any(isinstance(op, Quantize) for op in ops) else []
    return not any(op.output != name and tensors[op.output].overlaps(read) for op in ops for name, read in reads)
