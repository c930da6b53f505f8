"""The commit rule, checked byte by byte and interval by interval: a second opinion on the planner, by simulation and without
its reasoning on whole operators."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from freeml_pack.graph import Copy, Graph, Op, Quantize
from freeml_pack.plan.space import op_space
from freeml_pack.plan.types import Allocation, MemoryPlan, OpPlan

_NOBODY, _SAMPLE = -2, -1


class CommitRuleError(Exception):
    """A plan that would give wrong results, with or without a power cut. The message names the op."""


def check_commit_rule(graph: Graph, plan: MemoryPlan) -> None:
    """Raises CommitRuleError where an op reads bytes that are not the ones it means, where its input and output share bytes, or
    where an interval overwrites bytes that it had to read (SPEC.md, "Plan and commits")."""
    numbers = {name: number for number, name in enumerate(plan.tensors)}
    arena = _Arena(plan)
    for op, op_plan in zip(graph.ops, plan.ops, strict=True):
        sources = _sources(op, plan, numbers)
        for addresses, commits in _pieces(graph, op, op_plan, plan.tensors[op.output]):
            for content, span in sources:
                arena.read(op, content, span)
            arena.write(op, numbers[op.output], addresses)
            if commits:
                arena.commit()
    if not plan.ops[-1].commit_last:
        raise CommitRuleError(f"no commit follows the last op, {graph.ops[-1].name}")
    for op, op_plan in zip(graph.ops, plan.ops, strict=True):
        if op_plan.commit_every and not op_plan.commit_last:
            raise CommitRuleError(f"{op.name} commits inside, but not at its end")
    for name in (graph.output, *(exit.tensor for exit in graph.exits)):
        if not (arena.owner[_span(plan.tensors[name])] == numbers[name]).all():
            raise CommitRuleError(f"the scores {name} do not survive until the end")


class _Arena:
    """What is known of each byte."""

    def __init__(self, plan: MemoryPlan) -> None:
        self.owner = np.full(plan.arena_size, _NOBODY)  # whose content it holds
        self.owner[_span(plan.sample)] = _SAMPLE
        self._exposed = np.zeros(plan.arena_size, bool)  # read in this interval before the interval wrote it
        self._written = np.zeros(plan.arena_size, bool)  # written in this interval
        self._input = np.zeros(plan.arena_size, bool)  # read by the piece at work

    def read(self, op: Op, content: int, span: slice) -> None:
        if not (self.owner[span] == content).all():
            raise CommitRuleError(f"{op.name} reads bytes that another tensor has overwritten or nobody has written")
        self._exposed[span] |= ~self._written[span]
        self._input[span] = True

    def write(self, op: Op, content: int, addresses: np.ndarray) -> None:
        if self._input[addresses].any():
            raise CommitRuleError(f"{op.name} overwrites its own input")
        if self._exposed[addresses].any():
            raise CommitRuleError(f"{op.name} overwrites bytes that its interval had to read; a commit must come before it")
        self.owner[addresses] = content
        self._written[addresses] = True
        self._input[:] = False

    def commit(self) -> None:
        self._exposed[:] = self._written[:] = False


def _span(allocation: Allocation) -> slice:
    return slice(allocation.offset, allocation.end)


def _sources(op: Op, plan: MemoryPlan, numbers: dict[str, int]) -> list[tuple[int, slice]]:
    """(whose content, where) of everything that the op reads; a tile may read any part of it."""
    if isinstance(op, Quantize):
        return [(_SAMPLE, _span(plan.sample))]
    return [(numbers[name], _span(plan.tensors[name])) for name in op.inputs]


def _pieces(graph: Graph, op: Op, op_plan: OpPlan, output: Allocation) -> Iterator[tuple[np.ndarray, bool]]:
    """The op's steps up to each commit, and those after the last: (addresses that they write, whether a commit follows)."""
    space = op_space(graph, op)
    places = _places(op, output).reshape(*space, -1)
    rows, columns, channels = (np.arange(extent) // step for extent, step in zip(space, op_plan.tile, strict=True))
    row_blocks, column_blocks = int(rows[-1]) + 1, int(columns[-1]) + 1
    tiles = rows[:, None, None] + row_blocks * (columns[:, None] + column_blocks * channels)
    every, last = op_plan.commit_every, int(tiles[-1, -1, -1])
    interval = tiles // every if every else np.zeros_like(tiles)
    for number in range(int(interval[-1, -1, -1]) + 1):
        ends_at_commit = every > 0 and (number + 1) * every <= last + 1
        is_last = number == interval[-1, -1, -1]
        yield output.offset + places[interval == number], ends_at_commit or (is_last and op_plan.commit_last)


def _places(op: Op, output: Allocation) -> np.ndarray:
    """Where in the output the bytes of each element of the iteration space lie."""
    if isinstance(op, Copy | Quantize):
        return op.view.destination.indices(op.view.space)
    return np.arange(output.size)
