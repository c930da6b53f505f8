"""Memory plan: where each tensor lies, how each op is cut into steps, where commits go."""

from __future__ import annotations

from dataclasses import dataclass

from freeml_pack.graph import Shape


@dataclass(frozen=True)
class Allocation:
    """Bytes of one tensor (or of the sample) in a memory, in use from op `first_op` to op `last_op`, both included.
    The sample is written before the first op: first_op = -1."""

    memory: str  # "arena"
    offset: int
    size: int
    first_op: int
    last_op: int


@dataclass(frozen=True)
class OpPlan:
    """Tile of an op in its iteration space (rows, columns, channels) and its commits; see SPEC.md, "Plan and commits"."""

    tile: Shape
    commit_every: int  # tiles; 0: none inside the op
    commit_last: bool


@dataclass(frozen=True)
class MemoryPlan:
    tensors: dict[str, Allocation]
    sample: Allocation
    arena_size: int  # bytes
    ops: tuple[OpPlan, ...]  # as Graph.ops
