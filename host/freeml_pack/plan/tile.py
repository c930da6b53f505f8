"""How an op is cut into steps."""

from __future__ import annotations

from math import ceil, prod

from freeml_pack.errors import PackError
from freeml_pack.graph import AveragePool2d, Conv2d, Copy, DepthwiseConv2d, Graph, MaxPool2d, Op, Quantize, Shape
from freeml_pack.plan.types import OpPlan
from freeml_pack.targets import Target

MAX_TILES = 0xFFFF  # the journal names a tile by 16 bits
MAX_DIMENSION = 0xFFFF

# Work besides multiply-accumulates, in multiply-accumulates; rough, they only rank candidates and weigh cheap ops.
_ELEMENT_COST = 4  # requantize and store one output element
_STEP_COST = 200  # decode the op and set up the kernel
_CONSTANT_COST = 7  # unpack one channel's bias, multiplier and shift


def op_space(graph: Graph, op: Op) -> Shape:
    """The op's iteration space: rows, columns, channels."""
    return op.view.space if isinstance(op, Quantize | Copy) else graph.tensors[op.output].shape


def tile_count(space: Shape, tile: Shape) -> int:
    """Steps of an op with this iteration space."""
    return prod(ceil(extent / step) for extent, step in zip(space, tile, strict=True))


def commit_count(steps: int, plan: OpPlan) -> int:
    """Commits during and after an op of so many steps."""
    inside = steps // plan.commit_every if plan.commit_every else 0
    ends_with_one = plan.commit_every > 0 and steps % plan.commit_every == 0
    return inside + (plan.commit_last and not ends_with_one)


def element_cost(graph: Graph, op: Op) -> int:
    """Multiply-accumulates, or work worth as much, for one element of the iteration space."""
    if isinstance(op, Conv2d | DepthwiseConv2d):
        return prod(op.weight.shape[1:]) + _ELEMENT_COST
    if isinstance(op, AveragePool2d) and op.adaptive:
        ratios = zip(graph.tensors[op.inputs[0]].shape[:2], graph.tensors[op.output].shape[:2], strict=True)
        return prod(ceil(size / windows) + 1 for size, windows in ratios) + _ELEMENT_COST
    if isinstance(op, MaxPool2d | AveragePool2d):
        return prod(op.window.kernel) + _ELEMENT_COST
    return _ELEMENT_COST


def block_bytes(op: Op, channels: int) -> int:
    """Bytes of the constants of a block of `channels` output channels (SPEC.md, "Operators"); 0 where blocks have none."""
    if isinstance(op, DepthwiseConv2d):
        return channels * (7 + prod(op.weight.shape[1:]))
    if isinstance(op, Conv2d):
        group = op.weight.shape[0] // op.groups if op.groups > 1 else channels
        return (channels // group) * 4 * ceil(group / 4) * (7 + prod(op.weight.shape[1:]))
    return 0


def choose_tile(graph: Graph, op: Op, target: Target) -> Shape:
    """The tile with the least overhead whose step costs at most target.step_macs and reads at most target.stream_bytes of
    constants; where even the narrowest one costs more, the narrowest. PackError where the op's sizes exceed the format."""
    space = op_space(graph, op)
    if max(space) > MAX_DIMENSION:
        raise PackError(
            f"layer {op.name} has a dimension of {max(space)}, but the format ends at {MAX_DIMENSION}; make the input smaller"
        )
    cost = element_cost(graph, op)
    budget = target.step_macs
    while True:
        tiles = [_tile(space, width, budget // (width * cost)) for width in _widths(op, space[2], budget // cost)]
        tiles = [tile for tile in tiles if tile_count(space, tile) <= MAX_TILES]
        if tiles:
            break
        budget *= 2
    fitting = [tile for tile in tiles if prod(tile) * cost <= budget and _streams(op, tile, target)]
    if not fitting:
        return min(tiles, key=lambda tile: tile[2])
    return min(fitting, key=lambda tile: _overhead(op, space, tile))


def _streams(op: Op, tile: Shape, target: Target) -> bool:
    return target.blob_mapped or block_bytes(op, tile[2]) <= target.stream_bytes


def _widths(op: Op, channels: int, affordable: int) -> list[int]:
    """Channel counts that a tile may have."""
    if isinstance(op, Conv2d | DepthwiseConv2d):
        granule = op.weight.shape[0] // op.groups if isinstance(op, Conv2d) and op.groups > 1 else 4
        return [*range(granule, channels, granule), channels]
    return sorted({channels, min(channels, max(1, affordable))})


def _tile(space: Shape, width: int, pixels: int) -> Shape:
    """Whole rows where at least one is affordable, else part of a row; last tiles as full as the others where possible."""
    rows, columns = max(1, pixels // space[1]), max(1, pixels)
    return _even(space[0], rows), _even(space[1], columns), width


def _even(extent: int, most: int) -> int:
    return ceil(extent / ceil(extent / most))


def _overhead(op: Op, space: Shape, tile: Shape) -> int:
    """Work of the op's steps besides its multiply-accumulates. (Streamed constants are read once per channel block, whatever
    the tile: all in all, once.)"""
    steps = tile_count(space, tile)
    total = steps * _STEP_COST
    if isinstance(op, Conv2d | DepthwiseConv2d):
        total += steps * _CONSTANT_COST * tile[2]
    if isinstance(op, Conv2d) and (op.window.kernel != (1, 1) or any(op.window.padding)):  # patches, once per channel block
        total += ceil(space[2] / tile[2]) * space[0] * space[1] * prod(op.weight.shape[1:])
    return total
