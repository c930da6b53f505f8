"""Offsets in the arena: tensors that are in use at the same time lie apart, all others may share bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from freeml_pack.graph import Graph, Quantize
from freeml_pack.plan.types import Allocation


def allocate(graph: Graph, delay: int = 0) -> tuple[dict[str, Allocation], Allocation, int]:
    """(tensor name -> allocation, the sample's allocation, arena size in bytes). Greedy, with the best of some orders: finding
    the least arena is NP-hard, and on real networks one of these orders reaches the lower bound or misses it by little.
    delay: ops for which nothing takes the bytes of a tensor that is not needed any more; so many can share an interval."""
    names, blocks = zip(*_lifetimes(graph).items(), strict=True)
    last = len(graph.ops) - 1
    kept = [replace(block, last_op=min(block.last_op + delay, last)) for block in blocks]
    placed = min((_place(kept, order) for order in _ORDERS), key=_extent)
    placed = [replace(block, offset=place.offset) for block, place in zip(blocks, placed, strict=True)]
    tensors = dict(zip(names, placed, strict=True))
    return tensors, tensors.pop(_SAMPLE), _extent(placed)


_SAMPLE = ""  # no tensor is called so


def _lifetimes(graph: Graph) -> dict[str, Allocation]:
    """Every block with its size and the ops that use it, at offset 0. What several ops write is in use from the first."""
    sample_end = max(i for i, op in enumerate(graph.ops) if isinstance(op, Quantize))
    blocks = {_SAMPLE: Allocation("arena", 0, graph.sample.size, -1, sample_end)}
    for index, op in enumerate(graph.ops):
        blocks.setdefault(op.output, Allocation("arena", 0, graph.tensors[op.output].size, index, index))
        for name in (*op.inputs, op.output):
            blocks[name] = replace(blocks[name], last_op=index)
    for name in (graph.output, *(exit.tensor for exit in graph.exits)):
        blocks[name] = replace(blocks[name], last_op=len(graph.ops) - 1)
    return blocks


def _duration(block: Allocation) -> int:
    return block.last_op - block.first_op + 1


_ORDERS: tuple[Callable[[Allocation], tuple[int, ...]], ...] = (
    lambda block: (-block.size, block.first_op),
    lambda block: (-block.size * _duration(block), block.first_op),
    lambda block: (-_duration(block), -block.size),
    lambda block: (block.first_op, -block.size),
    lambda block: (-block.last_op, -block.size),
)


def _place(blocks: Sequence[Allocation], order: Callable[[Allocation], tuple[int, ...]]) -> list[Allocation]:
    """The blocks in the order given, each at the lowest offset where nothing that it meets lies. Returned as `blocks` are."""
    placed: dict[int, Allocation] = {}
    for index in sorted(range(len(blocks)), key=lambda i: order(blocks[i])):
        block = blocks[index]
        offset = 0
        for other in sorted((p for p in placed.values() if p.meets(block)), key=lambda p: p.offset):
            if offset + block.size <= other.offset:
                break
            offset = max(offset, other.end)
        placed[index] = replace(block, offset=offset)
    return [placed[i] for i in range(len(blocks))]


def _extent(blocks: Sequence[Allocation]) -> int:
    return max(block.end for block in blocks)
