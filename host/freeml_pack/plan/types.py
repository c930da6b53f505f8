"""What a memory plan consists of."""

from __future__ import annotations

from collections.abc import Iterable
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

    @property
    def end(self) -> int:
        return self.offset + self.size

    def meets(self, other: Allocation) -> bool:
        """Whether both are in use at some op."""
        return self.first_op <= other.last_op and other.first_op <= self.last_op

    def overlaps(self, other: Allocation) -> bool:
        """Whether some byte belongs to both."""
        return self.memory == other.memory and self.offset < other.end and other.offset < self.end


def bytes_in_use(blocks: Iterable[Allocation], op_count: int) -> list[int]:
    """At each op: the sizes of all that is in use there."""
    totals = [0] * op_count
    for block in blocks:
        for op in range(max(0, block.first_op), block.last_op + 1):
            totals[op] += block.size
    return totals


@dataclass(frozen=True)
class OpPlan:
    """Tile of an op in its iteration space (rows, columns, channels) and its commits; see SPEC.md, "Plan and commits"."""

    tile: Shape
    commit_every: int  # tiles; an op that commits inside also has commit_last; 0: none inside the op
    commit_last: bool


@dataclass(frozen=True)
class MemoryPlan:
    tensors: dict[str, Allocation]
    sample: Allocation
    arena_size: int  # bytes
    ops: tuple[OpPlan, ...]  # as Graph.ops

    def least_arena_size(self) -> int:
        """Bytes that are in use at once at the worst op: no arrangement of the tensors needs less."""
        return max(self.sample.size, *bytes_in_use((self.sample, *self.tensors.values()), len(self.ops)))
