"""How an op divides: its iteration space, tiles, commits, blocks of constants (SPEC.md, "Operators")."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, prod
from typing import TypeGuard

import numpy as np

from freeml_pack.encodings import block_sizes, entry_counts, products
from freeml_pack.graph import SUM_BYTES, Conv2d, Copy, DepthwiseConv2d, Encoding, Graph, Op, Quantize, Shape
from freeml_pack.plan.types import OpPlan


def op_space(graph: Graph, op: Op) -> Shape:
    """The op's iteration space: rows, columns, channels."""
    if isinstance(op, Quantize | Copy):
        return op.view.space
    height, width, channels = graph.tensors[op.output].shape
    return height, width, channels // element_bytes(op)


def element_bytes(op: Op) -> int:
    """Bytes of the output for each element of the iteration space."""
    return SUM_BYTES if isinstance(op, Conv2d) and op.sums_out else 1


def tile_count(space: Shape, tile: Shape) -> int:
    """Steps of an op with this iteration space."""
    return prod(ceil(extent / step) for extent, step in zip(space, tile, strict=True))


def commit_count(steps: int, plan: OpPlan) -> int:
    """Commits during and after an op of so many steps."""
    inside = steps // plan.commit_every if plan.commit_every else 0
    ends_with_one = plan.commit_every > 0 and steps % plan.commit_every == 0
    return inside + (plan.commit_last and not ends_with_one)


def is_encoded(op: Op) -> TypeGuard[Conv2d]:
    """Whether the op's weights are stored in another encoding than DENSE_8."""
    return isinstance(op, Conv2d) and op.encoding != Encoding.DENSE_8


@lru_cache(maxsize=1024)
def _entry_counts(op: Conv2d) -> np.ndarray:
    """What takes long of `block_sizes` and `products`."""
    assert op.q is not None, "weights are encoded when they are quantized"
    assert op.q.weight is not None
    return entry_counts(op.q.weight, op.encoding)


def _matrix(op: Conv2d) -> tuple[int, int]:
    """Output channels, taps."""
    return len(op.weight), op.weight[0].size


def block_products(op: Conv2d, channels: int) -> np.ndarray:
    """int64 [blocks]: multiply-accumulates that each block of `channels` output channels takes for one pixel."""
    of_channels = products(*_matrix(op), op.encoding, _entry_counts(op))
    return np.asarray(np.add.reduceat(of_channels, np.arange(0, len(of_channels), channels)))


def block_bytes(op: Op, channels: int) -> int:
    """Bytes of the constants of a block of `channels` output channels, of the largest where weights are encoded; 0 where blocks
    have none."""
    if is_encoded(op):
        return int(block_sizes(*_matrix(op), op.encoding, _entry_counts(op), channels).max())
    if isinstance(op, DepthwiseConv2d):
        return channels * (7 + prod(op.weight.shape[1:]))
    if isinstance(op, Conv2d):
        group = op.weight.shape[0] // op.groups if op.groups > 1 else channels
        return (channels // group) * 4 * ceil(group / 4) * (7 + prod(op.weight.shape[1:]))
    return 0


def write_runs(graph: Graph, op: Op, tile: Shape) -> int:
    """Pieces of contiguous bytes that one tile writes: as many writes to an NVM behind a bus."""
    _, width, depth = graph.tensors[op.output].shape
    strides = (width * depth, depth, 1)
    if isinstance(op, Copy | Quantize):
        strides = (op.view.destination.row, op.view.destination.column, op.view.destination.depth)
    written = (*tile[:2], tile[2] * element_bytes(op))
    run = 1
    for stride, count in sorted(zip(strides, written, strict=True)):
        if stride == run or count == 1:
            run *= count
    return prod(written) // run
