"""Where commits go."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil

from freeml_pack.graph import Graph, Op, Quantize, Shape
from freeml_pack.plan.cost import CostModel
from freeml_pack.plan.space import op_space, tile_count
from freeml_pack.plan.types import Allocation, OpPlan


def place_commits(
    costs: CostModel, tensors: dict[str, Allocation], sample: Allocation, tiles: Sequence[Shape]
) -> tuple[OpPlan, ...]:
    """As few commits as keep every interval re-runnable and its cost at most costs.interval (one step may cost more); of such
    plans one with even intervals, for a failure loses half of a long one as often as it is long."""
    plans = [OpPlan(tile, _commit_every(costs, op, tile), False) for op, tile in zip(costs.graph.ops, tiles, strict=True)]
    best: list[tuple[int, float, int]] = [(0, 0.0, 0)]  # for the first k ops: commits, sum of squared costs, last run's start
    best += [(len(plans) + 1, 0.0, 0)] * len(plans)
    for start in range(len(plans)):
        commits, squares, _ = best[start]
        for end, cost in _runs(costs, tensors, sample, plans, start):
            best[end] = min(best[end], (commits + 1, squares + cost**2, start))
    end = len(plans)
    while end:
        plans[end - 1] = replace(plans[end - 1], commit_last=True)
        end = best[end][2]
    return tuple(plans)


def _runs(
    costs: CostModel, tensors: dict[str, Allocation], sample: Allocation, plans: Sequence[OpPlan], start: int
) -> Iterator[tuple[int, float]]:
    """Runs of ops, from op `start` on, that can share an interval: (op behind the last one, cost). An op that commits inside
    ends its run; its first interval counts."""
    cost = 0.0
    for end in range(start, len(plans)):
        op, every = costs.graph.ops[end], plans[end].commit_every
        cost += costs.steps(op, plans[end].tile, every) if every else costs.op(op, plans[end].tile)
        if end > start and (cost > costs.interval or not _rerunnable(costs.graph, tensors, sample, range(start, end + 1))):
            return
        yield end + 1, cost
        if every:
            return


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
