"""How an op is cut into steps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from math import ceil, inf

from freeml_pack.errors import PackError, TooLargeError
from freeml_pack.graph import Conv2d, DepthwiseConv2d, Op, Shape
from freeml_pack.plan.cost import CostModel
from freeml_pack.plan.space import block_bytes, op_space, tile_count
from freeml_pack.units import quantity

MAX_TILES = 0xFFFF  # the journal names a tile by 16 bits
MAX_DIMENSION = 0xFFFF

# Between two steps the application has its turn: it can look at its energy, or do something else. So an interval should have
# some steps; but none so small that setting it up is more than this share of it.
_STEPS_PER_INTERVAL = 8
_MOST_SETTING_UP = 1 / 20


def choose_tile(costs: CostModel, op: Op) -> Shape:
    """The tile with which the op costs least, its steps small against an interval and their constants within
    target.stream_bytes, as far as the op can be cut. PackError where a step cannot be made to fit a charge, or the op's sizes
    exceed the format."""
    space = op_space(costs.graph, op)
    if max(space) > MAX_DIMENSION:
        raise PackError(
            f"layer {op.name} has a dimension of {max(space)}, but the format ends at {MAX_DIMENSION}; make the input smaller"
        )
    smallest = (1, 1, min(_widths(costs, op, space[2], 0.0)))
    for budget in _budgets(costs, _one_step(costs, op, smallest)):
        tiles = [tile for tile in _tiles(costs, op, space, budget) if tile_count(space, tile) <= MAX_TILES]
        if tiles:
            return min(tiles, key=lambda tile: costs.op(op, tile))
    raise _too_dear(costs, op, smallest)


def _budgets(costs: CostModel, least: float) -> Iterator[float]:
    """What a step may cost: what it should, then ever more, for ops that the format's number of steps is too small for.
    None where a charge is not enough for `least`, the cost of the smallest step."""
    aim = max(costs.interval / _STEPS_PER_INTERVAL, costs.prices.step / _MOST_SETTING_UP)
    budget = max(least, min(aim, costs.interval))
    while budget < costs.limit:
        yield budget
        budget *= 2
    if least <= costs.limit:
        yield costs.limit


def _too_dear(costs: CostModel, op: Op, smallest: Shape) -> TooLargeError:
    unit, least = costs.prices.unit, _one_step(costs, op, smallest)
    need = f"a step of layer {op.name} takes {quantity(least, unit)} or more"
    if least <= costs.limit:
        need = f"layer {op.name}, in {MAX_TILES:,} steps (the most that the format has), takes too much for each"
    rest = f"{quantity(costs.limit, unit)} remain after starting ({quantity(costs.recovery, unit)}) and a commit"
    return TooLargeError(f"{need}, but {costs.charge()}, of which {rest}; use a larger capacitor or make the layer smaller")


def _one_step(costs: CostModel, op: Op, tile: Shape) -> float:
    return costs.step(op, tile) + costs.load(op, tile)


def _tiles(costs: CostModel, op: Op, space: Shape, budget: float) -> Iterator[Shape]:
    """For each number of channels the largest tile whose step costs at most `budget`, where there is one."""
    for width in _widths(costs, op, space[2], budget):
        rows, columns = _extent(costs, op, space, width, budget)
        if rows and columns:
            yield _even(space[0], rows), _in_pairs(op, space[1], columns) if rows == 1 else _even(space[1], columns), width


def _extent(costs: CostModel, op: Op, space: Shape, width: int, budget: float) -> tuple[int, int]:
    """Rows and columns: whole rows where at least one is affordable, else part of a row. With its constants to be read, which
    the steps after it find loaded, a step may take half an interval."""
    most = max(budget, costs.interval / 2)

    def dearness(rows: int, columns: int) -> float:
        tile = (rows, columns, width)
        return max(costs.step(op, tile) / budget, _one_step(costs, op, tile) / most)

    rows = _most(space[0], 1.0, lambda n: dearness(n, space[1]))
    return (rows, space[1]) if rows else (1, _most(space[1], 1.0, lambda n: dearness(1, n)))


def _widths(costs: CostModel, op: Op, channels: int, budget: float) -> list[int]:
    """Channel counts that a tile may have. Where even the narrowest exceeds target.stream_bytes, that one."""
    if not isinstance(op, Conv2d | DepthwiseConv2d):
        affordable = _most(channels, budget, lambda n: costs.step(op, (1, 1, n)))
        return sorted({channels, max(1, affordable)})
    granule = op.weight.shape[0] // op.groups if isinstance(op, Conv2d) and op.groups > 1 else 4
    widths = [*range(granule, channels, granule), channels]
    room = inf if costs.target.blob_mapped else costs.target.stream_bytes
    return [width for width in widths if block_bytes(op, width) <= room] or widths[:1]


def _most(extent: int, budget: float, cost: Callable[[int], float]) -> int:
    """The largest n <= extent with cost(n) <= budget, 0 where there is none."""
    return bisect_right(range(1, extent + 1), budget, key=cost)


def _in_pairs(op: Op, extent: int, most: int) -> int:
    """As _even, for a row; the kernels of convolutions take two pixels at a time, and one takes nearly as long."""
    columns = _even(extent, most)
    if not isinstance(op, Conv2d | DepthwiseConv2d) or columns % 2 == 0 or columns in (1, extent):
        return columns
    return columns + 1 if columns < most else columns - 1


def _even(extent: int, most: int) -> int:
    """At most `most`, and such that the last piece is as large as the others where possible."""
    return ceil(extent / ceil(extent / most))
