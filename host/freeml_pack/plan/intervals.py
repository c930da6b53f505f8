"""What a finished plan costs: its intervals from commit to commit, and what power failures add."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from freeml_pack.graph import Graph
from freeml_pack.plan.cost import CostModel
from freeml_pack.plan.space import op_space, tile_count
from freeml_pack.plan.types import MemoryPlan, OpPlan
from freeml_pack.targets import Target

START_COMMITS = 2  # a start commits IDLE, then the sample


@dataclass(frozen=True)
class Interval:
    """Steps that run again together. cost: at most."""

    first_op: int
    last_op: int
    cost: float


@dataclass(frozen=True)
class PlanCosts:
    """Costs of one inference, in `unit`, all of them as good as the target's prices. Shares are 0..1."""

    unit: str  # "J" or "s"
    inference: float  # without power failures; commits and those of the start included
    life: float  # usable energy of a charge, or mean time between two failures
    recovery: float  # from power-on until the first step runs again
    commits: int  # those of the start included
    commit_share: float  # what commits add to the work
    replay_share: float  # what steps that run again add to it, if every life ends in a power failure; on average
    worst_interval: float  # at most
    worst_layers: str  # the layer, or the first and the last one, of that interval
    worst_share: float  # of a life

    @property
    def expected(self) -> float:
        """One inference with what power failures add to it: steps that run again, and starts."""
        return self.inference * (1 + self.replay_share + self.recovery / self.life)


def intervals(costs: CostModel, plan: MemoryPlan) -> Iterator[Interval]:
    """In the order in which they run."""
    begin, pending = 0, 0.0
    for index, (op, op_plan) in enumerate(zip(costs.graph.ops, plan.ops, strict=True)):
        for steps, commits in _pieces(tile_count(op_space(costs.graph, op), op_plan.tile), op_plan):
            pending += costs.steps(op, op_plan.tile, steps)
            if commits:
                yield Interval(begin, index, pending)
                begin, pending = index, 0.0
        if op_plan.commit_last:
            begin = index + 1


def _pieces(count: int, op_plan: OpPlan) -> Iterator[tuple[int, bool]]:
    """An op's steps up to each commit and after the last: (how many, whether a commit follows)."""
    every = op_plan.commit_every or count + 1
    for _ in range(count // every):
        yield every, True
    if count % every:
        yield count % every, op_plan.commit_last


def plan_costs(graph: Graph, plan: MemoryPlan, target: Target) -> PlanCosts:
    """What the report says of a plan that was made for `target`."""
    costs = CostModel(graph, target, plan.arena_size)
    found = list(intervals(costs, plan))
    worst = max(found, key=lambda interval: interval.cost)
    work = sum(costs.op(op, op_plan.tile) for op, op_plan in zip(graph.ops, plan.ops, strict=True))
    commits = len(found) + START_COMMITS
    first, last = graph.ops[worst.first_op].name, graph.ops[worst.last_op].name
    # A failure finds an interval as often as it is long, and half of it done.
    lost = sum(interval.cost**2 for interval in found) / sum(interval.cost for interval in found) / 2
    return PlanCosts(
        unit=costs.prices.unit,
        inference=work + commits * costs.prices.commit,
        life=costs.prices.life,
        recovery=costs.recovery,
        commits=commits,
        commit_share=commits * costs.prices.commit / work,
        replay_share=lost / costs.work_per_life,
        worst_interval=worst.cost,
        worst_layers=first if first == last else f"{first} to {last}",
        worst_share=worst.cost / costs.prices.life,
    )
