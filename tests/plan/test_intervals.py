"""How far apart commits lie: never further than a charge reaches, else as far as pays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from math import sqrt

import pytest
from freeml_pack.errors import PackError
from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph, Shape
from freeml_pack.plan import MemoryPlan, check_commit_rule, op_space, plan, plan_costs, tile_count
from freeml_pack.plan.cost import CostModel
from freeml_pack.plan.space import write_runs
from freeml_pack.targets import Energy, Target, load_target
from hypothesis import given, settings
from hypothesis import strategies as st
from plan.random_graphs import Builder, graphs
from plan.random_targets import chargeable, charged, steady, targets


def walk(graph: Graph, made: MemoryPlan, target: Target) -> Iterator[float]:
    """Cost of each interval, step by step as the device runs it, each tile with its real extent."""
    costs = CostModel(graph, target, made.arena_size)
    pending, loaded = 0.0, None
    for index, (op, op_plan) in enumerate(zip(graph.ops, made.ops, strict=True)):
        space, tile = op_space(graph, op), op_plan.tile
        count = tile_count(space, tile)
        per_block = tile_count(space, (tile[0], tile[1], space[2]))
        for number in range(count):
            block = (index, number // per_block)
            pending += costs.step(op, _extent(space, tile, number)) + costs.load(op, tile) * (block != loaded)
            loaded = block
            last = number == count - 1 and op_plan.commit_last
            if last or (op_plan.commit_every and (number + 1) % op_plan.commit_every == 0):
                yield pending
                pending, loaded = 0.0, None  # should power fail now, the constants have to be read again
    assert pending == 0, "the answer is not committed"


def _extent(space: Shape, tile: Shape, number: int) -> Shape:
    extents = []
    for extent, step in zip(space, tile, strict=True):
        number, position = divmod(number, -(-extent // step))
        extents.append(min(step, extent - position * step))
    return extents[0], extents[1], extents[2]


def commits(graph: Graph, target: Target) -> int:
    return len(list(walk(graph, plan(graph, target), target)))


def slack(value: float) -> float:
    """The same sum in another order."""
    return value * (1 + 1e-9)


@given(graphs(), chargeable)
@settings(max_examples=200, deadline=None)
def test_every_interval_fits_a_charge_or_is_refused(graph: Graph, target: Target) -> None:
    prices = target.prices
    assert isinstance(prices, Energy)
    try:
        made = plan(graph, target)
    except PackError as error:
        return _justified(graph, target, str(error))
    check_commit_rule(graph, made)
    costs = CostModel(graph, target, made.arena_size)
    restart = prices.boot + prices.commit + (0 if target.nvm_mapped else made.arena_size * prices.byte)
    assert costs.recovery == pytest.approx(restart)
    for interval in walk(graph, made, target):
        assert restart + interval + prices.commit <= slack(0.8 * prices.life)


def _justified(graph: Graph, target: Target, message: str) -> None:
    """Not even the smallest step of the layer that the message names would fit."""
    if "starting" in message.split(" but ")[0]:
        return
    found = re.match(r"a step of layer (\w+) takes", message)
    assert found, message
    unlimited = charged(1e12, target.prices.commit, target.prices.boot, target.prices.byte, target.stream_bytes)
    costs = CostModel(graph, target, plan(graph, unlimited).arena_size)
    op = next(op for op in graph.ops if op.name == found[1])
    granule = 4 if isinstance(op, Conv2d | DepthwiseConv2d) else 1
    if isinstance(op, Conv2d) and op.groups > 1:
        granule = op.weight.shape[0] // op.groups
    smallest = (1, 1, min(granule, op_space(graph, op)[2]))
    assert costs.step(op, smallest) + costs.load(op, smallest) > costs.limit


@given(graphs(), targets)
@settings(max_examples=100, deadline=None)
def test_only_a_single_step_exceeds_the_best_interval(graph: Graph, target: Target) -> None:
    made = plan(graph, target)
    best = CostModel(graph, target, made.arena_size).interval
    one_step = max(
        CostModel(graph, target, made.arena_size).steps(op, p.tile, 1) for op, p in zip(graph.ops, made.ops, strict=True)
    )
    assert max(walk(graph, made, target)) <= slack(max(best, one_step))


@given(graphs(), st.floats(100, 20_000), st.floats(10, 200), st.sampled_from([16, 100, 10_000]))
@settings(max_examples=100, deadline=None)
def test_dearer_commits_are_fewer(graph: Graph, interval: float, commit: float, factor: float) -> None:
    cheap = steady(interval, commit)
    dear = replace(cheap, prices=replace(cheap.prices, commit=factor * commit))
    assert commits(graph, dear) <= commits(graph, cheap)


@given(graphs(), chargeable, st.sampled_from([16, 100, 10_000]))
@settings(max_examples=100, deadline=None)
def test_a_larger_charge_needs_fewer_commits(graph: Graph, small: Target, factor: float) -> None:
    prices = small.prices
    assert isinstance(prices, Energy)
    large = replace(small, prices=replace(prices, capacitance=factor * prices.capacitance))
    try:
        few = commits(graph, small)
    except PackError:
        return
    assert commits(graph, large) <= few


def linear(features: int, outputs: int) -> Graph:
    builder = Builder((1, 1, features))
    builder.conv(builder.quantize(), outputs, kernel=1)
    return builder.graph()


def test_the_interval_is_the_best_one() -> None:
    """Young's rule against its own reason: neighbouring lengths have more overhead."""
    target = charged(life=1e6, commit=200)
    costs = CostModel(linear(10, 10), target, 100)
    work = 1e6 - costs.recovery
    assert costs.interval == pytest.approx(sqrt(2 * 200 * work))

    def overhead(length: float) -> float:
        return 200 / length + length / 2 / work

    assert overhead(costs.interval) < min(overhead(0.9 * costs.interval), overhead(1.1 * costs.interval))


def test_a_layer_too_dear_for_a_charge_is_named() -> None:
    with pytest.raises(
        PackError, match=r"a step of layer op1 takes 4,\d+ J or more, but a charge .* 3,200 J, .*larger capacitor"
    ):
        plan(linear(1000, 10), charged(4_000))
    plan(linear(1000, 10), charged(6_000))


def test_a_charge_that_starts_nothing() -> None:
    with pytest.raises(PackError, match=r"starting, opening the blob and one commit take 1,000 J, but .* surely gives 800 J"):
        plan(linear(10, 10), charged(1_000, boot=900))


def test_too_many_tiles_for_a_charge() -> None:
    builder = Builder((3000, 30, 1))
    builder.quantize()
    graph = builder.graph()
    with pytest.raises(PackError, match="layer op0, in 65,535 steps"):
        plan(graph, charged(180))
    plan(graph, charged(300))


def test_checking_the_blob_is_part_of_starting() -> None:
    graph = linear(1000, 10)
    plan(graph, charged(20_000))
    target = charged(20_000)
    with pytest.raises(PackError, match="opening the blob"):
        plan(graph, replace(target, prices=replace(target.prices, check=2.0)))


def test_writes_behind_a_bus() -> None:
    """Whole rows lie side by side; a few channels of each pixel do not."""
    builder = Builder((6, 5, 8))
    builder.concat([builder.conv(builder.quantize(), 12), builder.conv("t0", 4)])
    graph = builder.graph()
    conv, part = graph.ops[1], graph.ops[-2]
    assert write_runs(graph, conv, (6, 5, 12)) == write_runs(graph, conv, (2, 5, 12)) == 1
    assert write_runs(graph, conv, (2, 3, 12)) == 2
    assert write_runs(graph, conv, (2, 3, 4)) == write_runs(graph, part, (2, 3, 12)) == 6


def test_accesses_behind_a_bus_shape_tiles() -> None:
    """A tile of some channels would write each pixel by itself."""
    builder = Builder((8, 8, 16))
    builder.conv(builder.quantize(), 32)
    graph = builder.graph()
    assert plan(graph, charged(1e9, bus=5)).ops[1].tile[2] == 32


def test_costs_of_a_plan_are_those_of_its_steps() -> None:
    graph, target = linear(100, 64), steady(2_000)
    made = plan(graph, target)
    costs, found = plan_costs(graph, made, target), list(walk(graph, made, target))
    assert len(found) > 3
    assert costs.commits == len(found) + 2
    assert costs.inference == pytest.approx(sum(found) + costs.commits * 50)
    assert costs.commit_share == pytest.approx(costs.commits * 50 / sum(found))
    assert costs.worst_interval == pytest.approx(max(found))
    assert costs.worst_layers == "op1"
    expected = sum(cost * cost / 2 for cost in found) / sum(found)  # a failure in each interval in proportion to its length
    assert costs.replay_share == pytest.approx(expected / costs.life)


@pytest.mark.parametrize("name", ["msp430fr5994", "rp2040", "stm32l4", "esp32c3"])
def test_shipped_targets_hold_a_network(name: str) -> None:
    """A network of 100 KB: starting it, and each of its intervals, surely fit a charge."""
    target = load_target(name)
    builder = Builder((32, 32, 3))
    x = builder.conv(builder.quantize(), 16)
    for channels in (32, 64, 96):
        x = builder.max_pool(builder.conv(x, channels))
    builder.conv(builder.global_pool(x), 100, kernel=1)
    graph = builder.graph()
    made = plan(graph, target)
    check_commit_rule(graph, made)
    costs = plan_costs(graph, made, target)
    prices = target.prices
    assert max(walk(graph, made, target)) <= slack(costs.worst_interval)
    assert costs.recovery + costs.worst_interval + prices.commit <= prices.most < prices.life
    assert costs.commit_share + costs.replay_share < 0.15
