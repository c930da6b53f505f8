"""The commit rule, checked byte by byte: a second opinion on the planner, by simulation and without its reasoning."""

from __future__ import annotations

import numpy as np

from freeml_pack.graph import Copy, Graph, Op, Quantize
from freeml_pack.plan.types import Allocation, MemoryPlan

_NOBODY, _SAMPLE = -2, -1


class CommitRuleError(Exception):
    """A plan that would give wrong results, with or without a power cut. The message names the op."""


def check_commit_rule(graph: Graph, plan: MemoryPlan) -> None:
    """Raises CommitRuleError where an op reads bytes that are not the ones it means, where its input and output share bytes, or
    where an interval overwrites bytes that it had to read, or may do so (SPEC.md, "Plan and commits"). Op by op, on single bytes."""
    numbers = {name: number for number, name in enumerate(plan.tensors)}
    owner = np.full(plan.arena_size, _NOBODY)  # whose content each byte of the arena holds
    owner[_span(plan.sample)] = _SAMPLE
    exposed = np.zeros(plan.arena_size, bool)  # read in this run before the run wrote it
    written = np.zeros(plan.arena_size, bool)  # written in this run
    if not plan.ops[-1].commit_last:
        raise CommitRuleError(f"no commit follows the last op, {graph.ops[-1].name}")
    for op, op_plan in zip(graph.ops, plan.ops, strict=True):
        if op_plan.commit_every and not op_plan.commit_last:
            raise CommitRuleError(f"{op.name} commits inside, but not at its end")
        target = _destination(op, plan.tensors[op.output])
        for content, span in _sources(op, plan, numbers):
            if not (owner[span] == content).all():
                raise CommitRuleError(f"{op.name} reads bytes that another tensor has overwritten or nobody has written")
            exposed[span] |= ~written[span]
            touched = np.zeros(plan.arena_size, bool)
            touched[target] = True
            if touched[span].any():
                raise CommitRuleError(f"{op.name} overwrites its own input")
        owner[target] = numbers[op.output]
        written[target] = True
        if (exposed & written).any():
            raise CommitRuleError(f"{op.name} overwrites bytes that its interval had to read; a commit must come before it")
        if op_plan.commit_last:
            exposed[:] = written[:] = False
    if not (owner[_span(plan.tensors[graph.output])] == numbers[graph.output]).all():
        raise CommitRuleError(f"the output {graph.output} does not survive until the end")


def _span(allocation: Allocation) -> slice:
    return slice(allocation.offset, allocation.end)


def _sources(op: Op, plan: MemoryPlan, numbers: dict[str, int]) -> list[tuple[int, slice]]:
    """(whose content, where) of everything that the op reads."""
    if isinstance(op, Quantize):
        return [(_SAMPLE, _span(plan.sample))]
    return [(numbers[name], _span(plan.tensors[name])) for name in op.inputs]


def _destination(op: Op, output: Allocation) -> np.ndarray:
    """Addresses that the op writes."""
    if not isinstance(op, Copy | Quantize):
        return np.arange(output.offset, output.end)
    return output.offset + op.view.destination.indices(op.view.space).ravel()
