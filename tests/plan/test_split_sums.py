"""Sums in parts: what is too dear for a charge, or too large for a buffer, is cut; the answers stay."""

from __future__ import annotations

from itertools import pairwise

import graphs
import numpy as np
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine
from freeml_pack.errors import PackError
from freeml_pack.graph import Conv2d, Graph, Window
from freeml_pack.oracle import run_oracle
from freeml_pack.plan import check_commit_rule, op_space, plan, split_sums
from freeml_pack.plan.cost import CostModel
from freeml_pack.targets import Target
from hypothesis import given, settings
from hypothesis import strategies as st
from plan.random_graphs import graphs as float_graphs
from priced import charged, steady


def wide(seed: int = 0) -> Graph:
    """A linear layer and a convolution of 1,500 and 1,080 products for each output, both after a look-up's worth of others."""
    b = graphs.Builder(np.random.default_rng(seed))
    x = b.conv(b.quantize((3, 4, 5)), 120, Window((1, 1)))
    x = b.conv(x, 5, Window((3, 3), padding=(1, 1, 1, 1)), lookup=True)
    x = b.conv(x, 15, Window((2, 2)))
    return b.finish(b.linear(b.flatten(b.conv(x, 125, Window((1, 1)))), 7))


def parts(graph: Graph) -> list[Conv2d]:
    return [op for op in graph if isinstance(op, Conv2d) and op.channel_range is not None]


def answers(graph: Graph, target: Target) -> np.ndarray:
    """Of engine and oracle, on four samples."""
    made = plan(graph, target)
    check_commit_rule(graph, made)
    samples = np.random.default_rng(1).integers(0, 256, (4, *graph.sample.shape), np.uint8)
    found = Engine(write_blob(graph, made), streamed=not target.blob_mapped).run_batch(samples)
    assert np.array_equal(found, run_oracle(graph, samples))
    return found


@pytest.mark.parametrize("life", [3000, 4500, 7000])
def test_a_sum_too_dear_for_a_charge_is_cut(life: float) -> None:
    """Each step takes four output channels: 6,000 products for the linear layer."""
    graph, target = wide(), charged(life)
    with pytest.raises(PackError, match="a step of layer op"):
        plan(graph, target)
    split = split_sums(graph, target)
    assert parts(split)
    assert np.array_equal(answers(split, target), answers(graph, steady(1e6)))


def test_a_roomy_charge_cuts_nothing() -> None:
    graph = wide()
    assert split_sums(graph, charged(1e6)).ops == graph.ops


def test_no_more_parts_than_needed() -> None:
    """With one part fewer, of the same sizes but for one channel, a step would not fit."""
    graph, target = wide(), charged(4500)
    split = split_sums(graph, target)
    costs = CostModel(split, target, plan(split, target).arena_size)
    linear = graph.ops[-1]
    assert isinstance(linear, Conv2d)
    inputs, found = linear.weight.shape[3], [op for op in parts(split) if op.name.startswith(f"{linear.name}/")]
    assert len(found) > 1
    tile = (1, 1, 4)
    assert all(costs.step(op, tile) + costs.load(op, tile) <= costs.limit for op in found)
    assert 4 * inputs / (len(found) - 1) > costs.limit - costs.prices.step - 7 * 4 - 4 * costs.prices.element


@given(float_graphs(), st.sampled_from([600, 1500, 4000]))
@settings(max_examples=60, deadline=None)
def test_parts_make_up_the_whole(graph: Graph, life: float) -> None:
    target = charged(life)
    split = split_sums(graph, target)
    for op in graph:
        if not isinstance(op, Conv2d):
            continue
        mine = [p for p in split if isinstance(p, Conv2d) and (p.name == op.name or p.name.startswith(f"{op.name}/"))]
        assert np.array_equal(np.concatenate([p.weight for p in mine], axis=3), op.weight)
        assert mine[-1].output == op.output
        assert [p.sums_out for p in mine] == [True] * (len(mine) - 1) + [op.sums_out]
        if len(mine) > 1:
            widths = [p.weight.shape[3] for p in mine]
            assert [p.channel_range for p in mine] == [(sum(widths[:i]), sum(widths[: i + 1])) for i in range(len(mine))]
            assert all(b.inputs == (op.inputs[0], a.output) for a, b in pairwise(mine))
            assert len({op_space(split, p) for p in mine}) == 1
    try:
        check_commit_rule(split, plan(split, target))
    except PackError as error:
        assert "step of layer" in str(error)  # noqa: PT017


def test_where_one_input_channel_is_too_much_the_layer_is_named() -> None:
    b = graphs.Builder(np.random.default_rng(0))
    graph = b.finish(b.conv(b.quantize((3, 20, 20)), 4, Window((15, 15))))
    with pytest.raises(PackError, match="a step of layer op1/part1 takes 1,210 J or more"):
        plan(split_sums(graph, charged(800)), charged(800))


def test_constants_too_large_for_the_buffer_are_cut() -> None:
    graph, target = wide(), steady(50_000, stream=1024)
    split = split_sums(graph, target)
    cut = Engine(write_blob(split, plan(split, target)), streamed=True)
    whole = Engine(write_blob(graph, plan(graph, target)), streamed=True)
    assert cut.scratch_size < whole.scratch_size / 2
    assert np.array_equal(answers(split, target), answers(graph, target))


def test_a_buffer_is_not_paid_for_with_more_arena() -> None:
    """The sums of 6 x 6 pixels take more than what the buffer would save."""
    b = graphs.Builder(np.random.default_rng(0))
    x = b.conv(b.quantize((3, 6, 6)), 40, Window((1, 1)))
    graph = b.finish(b.conv(x, 40, Window((3, 3), padding=(1, 1, 1, 1))))
    behind_a_bus = charged(1e6, bus=1.0, stream=1024)
    assert split_sums(graph, behind_a_bus).ops == graph.ops
    assert parts(split_sums(graph, steady(1e6, stream=1024)))
