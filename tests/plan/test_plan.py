"""The planner's promises, on random graphs."""

from dataclasses import replace
from itertools import combinations, pairwise
from math import prod

import numpy as np
import pytest
from freeml_pack.errors import PackError
from freeml_pack.graph import Conv2d, Copy, Graph, Quantize, Strides
from freeml_pack.plan import CommitRuleError, MemoryPlan, check_commit_rule, op_space, plan, tile_count
from freeml_pack.plan.intervals import plan_costs
from freeml_pack.plan.space import block_bytes
from freeml_pack.targets import Target, load_target
from hypothesis import given, settings
from hypothesis import strategies as st
from plan.random_graphs import Builder, graphs
from plan.random_targets import targets
from priced import steady

TARGET = load_target("generic")


@given(graphs(), targets)
@settings(max_examples=150, deadline=None)
def test_a_plan_is_right(graph: Graph, target: Target) -> None:
    made = plan(graph, target)
    check_commit_rule(graph, made)
    assert made == plan(graph, target), "not deterministic"
    for a, b in combinations([made.sample, *made.tensors.values()], 2):
        assert not (a.meets(b) and a.overlaps(b))
    assert made.least_arena_size() <= made.arena_size == max(a.end for a in [made.sample, *made.tensors.values()])


@given(graphs(), targets)
@settings(max_examples=100, deadline=None)
def test_tiles_keep_the_format(graph: Graph, target: Target) -> None:
    for op, op_plan in zip(graph.ops, plan(graph, target).ops, strict=True):
        space, channels = op_space(graph, op), op_plan.tile[2]
        assert all(1 <= step <= extent for step, extent in zip(op_plan.tile, space, strict=True))
        assert tile_count(space, op_plan.tile) <= 0xFFFF
        assert 0 <= op_plan.commit_every < 0x10000
        if isinstance(op, Conv2d):
            narrowest = op.weight.shape[0] // op.groups if op.groups > 1 else min(4, space[2])
            assert channels % narrowest == 0 or channels == space[2]
            if not target.blob_mapped:
                assert block_bytes(op, channels) <= target.stream_bytes or channels <= narrowest


def _extents(space: tuple[int, ...], tile: tuple[int, ...], index: int) -> list[int]:
    """Rows, columns, channels of tile number `index` (SPEC.md, "Operators")."""
    extents = []
    for extent, step in zip(space, tile, strict=True):
        index, position = divmod(index, -(-extent // step))
        extents.append(min(step, extent - position * step))
    return extents


@given(graphs(), targets)
@settings(max_examples=50, deadline=None)
def test_tiles_partition_the_space(graph: Graph, target: Target) -> None:
    for op, op_plan in zip(graph.ops, plan(graph, target).ops, strict=True):
        space = op_space(graph, op)
        count = tile_count(space, op_plan.tile)
        assert sum(prod(_extents(space, op_plan.tile, t)) for t in range(count)) == prod(space)


@given(graphs(), targets, st.data())
@settings(max_examples=150, deadline=None)
def test_a_plan_without_a_needed_commit_is_refused(graph: Graph, target: Target, data: st.DataObject) -> None:
    """Dropping one commit is refused, unless every interval can still be run twice and SPEC.md does not ask for the commit."""
    made = plan(graph, target)
    committing = [i for i, op_plan in enumerate(made.ops) if op_plan.commit_last]
    dropped = data.draw(st.sampled_from(committing))
    ops = tuple(replace(o, commit_last=o.commit_last and i != dropped) for i, o in enumerate(made.ops))
    broken = replace(made, ops=ops)
    required = not ops[-1].commit_last or any(o.commit_every and not o.commit_last for o in ops)
    if _survives_reruns(graph, broken) and not required:
        check_commit_rule(graph, broken)
    else:
        with pytest.raises(CommitRuleError):
            check_commit_rule(graph, broken)


def _survives_reruns(graph: Graph, made: MemoryPlan) -> bool:
    """Runs every interval (the steps from one commit to the next) twice over; true where the arena comes out the same. A
    step's output bytes depend on the op's input bytes and on its own number, so any overwritten input shows."""
    arena = np.zeros(made.arena_size, np.int64)
    arena[made.sample.offset : made.sample.end] = 1
    interval: list[tuple[int, int]] = []  # steps: (op, tile)
    for index, (op, op_plan) in enumerate(zip(graph.ops, made.ops, strict=True)):
        count = tile_count(op_space(graph, op), op_plan.tile)
        for tile in range(count):
            interval.append((index, tile))
            inside = op_plan.commit_every and (tile + 1) % op_plan.commit_every == 0
            if inside or (tile == count - 1 and op_plan.commit_last):
                once = _execute(graph, made, interval, arena)
                if not np.array_equal(_execute(graph, made, interval, once), once):
                    return False
                arena, interval = once, []
    return not interval


def _execute(graph: Graph, made: MemoryPlan, steps: list[tuple[int, int]], arena: np.ndarray) -> np.ndarray:
    arena = arena.copy()
    for index, tile in steps:
        op = graph.ops[index]
        sources = [made.tensors[name] for name in op.inputs] or [made.sample] * isinstance(op, Quantize)
        seen = sum(hash(arena[s.offset : s.end].tobytes()) % 1_000_003 for s in sources)
        arena[_written(graph, made, index, tile)] = seen * 31 + index + 2
    return arena


def _written(graph: Graph, made: MemoryPlan, index: int, tile: int) -> list[int]:
    """Addresses, straight from the definition of tiles (SPEC.md, "Operators")."""
    op, output = graph.ops[index], made.tensors[graph.ops[index].output]
    bytes_each = 4 if isinstance(op, Conv2d) and op.sums_out else 1
    space = op_space(graph, op)
    _, width, depth = graph.tensors[op.output].shape
    to = op.view.destination if isinstance(op, Copy | Quantize) else Strides(0, width * depth, depth, 1)
    ranges = []
    for extent, step in zip(space, made.ops[index].tile, strict=True):
        tile, position = divmod(tile, -(-extent // step))
        ranges.append(range(position * step, min(extent, (position + 1) * step)))
    ranges[2] = range(ranges[2].start * bytes_each, ranges[2].stop * bytes_each)
    return [
        output.offset + to.offset + i * to.row + j * to.column + k * to.depth
        for i in ranges[0]
        for j in ranges[1]
        for k in ranges[2]
    ]


def chain() -> Graph:
    builder = Builder((8, 8, 3))
    builder.conv(builder.conv(builder.conv(builder.quantize(), 4), 4), 4)
    return builder.graph()


def test_a_chain_needs_no_more_than_its_two_largest_neighbours() -> None:
    made = plan(chain(), TARGET)
    assert made.arena_size == made.least_arena_size() == 2 * 8 * 8 * 4


@pytest.mark.parametrize("mapped", [True, False])
def test_plenty_of_memory_spares_dear_commits(mapped: bool) -> None:
    unknown = steady(100_000, commit=20_000, mapped=mapped)
    least = plan(chain(), unknown)
    plenty = replace(unknown, nvm_bytes=1_000_000, ram_bytes=None if mapped else 1_000_000)
    roomy = plan(chain(), plenty)
    before, after = plan_costs(chain(), least, plenty), plan_costs(chain(), roomy, plenty)
    assert after.commits < before.commits
    assert after.expected < 0.99 * before.expected
    check_commit_rule(chain(), roomy)
    for name in ("nvm_bytes",) if mapped else ("nvm_bytes", "ram_bytes"):
        assert plan(chain(), replace(plenty, **{name: 4 * roomy.arena_size})) == roomy
        assert plan(chain(), replace(plenty, **{name: 4 * roomy.arena_size - 1})).arena_size < roomy.arena_size
        assert plan(chain(), replace(plenty, **{name: None})) == least


def test_memory_is_not_spent_on_cheap_commits() -> None:
    target = replace(steady(2_000, commit=1), nvm_bytes=1_000_000)
    assert plan(chain(), target).arena_size == plan(chain(), replace(target, nvm_bytes=None)).arena_size


@given(graphs(), targets)
@settings(max_examples=50, deadline=None)
def test_memory_is_spent_only_where_it_pays(graph: Graph, target: Target) -> None:
    made, least = plan(graph, target), plan(graph, replace(target, nvm_bytes=None))
    if made.arena_size > least.arena_size:
        assert target.nvm_bytes is not None
        assert made.arena_size <= target.nvm_bytes // 4
        assert plan_costs(graph, made, target).expected < plan_costs(graph, least, target).expected
    else:
        assert made.arena_size == least.arena_size


def test_a_residual_keeps_its_shortcut() -> None:
    builder = Builder((8, 8, 3))
    x = builder.conv(builder.quantize(), 8)
    builder.add(builder.conv(builder.conv(x, 8), 8), x)
    made = plan(builder.graph(), TARGET)
    assert made.arena_size == made.least_arena_size() == 3 * 8 * 8 * 8


def test_reuse_within_an_interval_is_refused() -> None:
    """The classic bug: the third convolution writes where the first one read, in the same interval."""
    made = plan(chain(), steady(1e9))
    check_commit_rule(chain(), made)
    assert [o.commit_last for o in made.ops] != [False, False, False, True]
    with pytest.raises(CommitRuleError, match="commit must come before"):
        check_commit_rule(chain(), replace(made, ops=tuple(replace(o, commit_last=i == 3) for i, o in enumerate(made.ops))))


@pytest.mark.parametrize("every", [1, 3])
def test_reading_across_a_commit_inside_is_refused(every: int) -> None:
    """The first convolution commits inside but not at its end, so the next one reads what an earlier interval wrote, and the
    third one overwrites that. Seen in whole operators, the run wrote all that it read."""
    made = plan(chain(), steady(1e9))
    ops = [replace(o, commit_every=0, commit_last=i in (0, 3)) for i, o in enumerate(made.ops)]
    assert made.tensors["t1"].overlaps(made.tensors["t3"])
    with pytest.raises(CommitRuleError, match=r"op[23] overwrites bytes that its interval had to read"):
        check_commit_rule(chain(), replace(made, ops=(ops[0], replace(ops[1], commit_every=every), *ops[2:])))


def test_overlapping_live_tensors_are_refused() -> None:
    made = plan(chain(), TARGET)
    moved = {**made.tensors, "t1": replace(made.tensors["t1"], offset=made.tensors["t0"].offset)}
    with pytest.raises(CommitRuleError, match="its own input"):
        check_commit_rule(chain(), replace(made, tensors=moved))


def test_a_plan_without_final_commit_is_refused() -> None:
    made = plan(chain(), TARGET)
    with pytest.raises(CommitRuleError, match="no commit follows the last op"):
        check_commit_rule(chain(), replace(made, ops=(*made.ops[:-1], replace(made.ops[-1], commit_last=False))))


def test_an_overwritten_output_is_refused() -> None:
    builder = Builder((4, 4, 2))
    first = builder.quantize()
    builder.conv(builder.conv(first, 2), 2)
    graph = replace(builder.graph(), output=first)
    made = plan(graph, TARGET)
    check_commit_rule(graph, made)
    moved = {**made.tensors, "t2": replace(made.tensors["t2"], offset=made.tensors["t0"].offset)}
    ops = tuple(replace(o, commit_last=True) for o in made.ops)
    with pytest.raises(CommitRuleError, match="survive"):
        check_commit_rule(graph, replace(made, tensors=moved, ops=ops))


def test_weights_that_dominate_are_cut_into_channel_blocks() -> None:
    builder = Builder((1, 1, 400))
    builder.conv(builder.quantize(), 120, kernel=1)
    mapped, streamed = (plan(builder.graph(), steady(80_000, stream=n)).ops[-1].tile for n in (0, 4096))
    assert mapped == (1, 1, 24)  # as many channels as an eighth of an interval has time for
    assert streamed == (1, 1, 8)  # as many as the buffer holds


def test_small_weights_are_cut_into_rows() -> None:
    builder = Builder((28, 28, 3))
    builder.conv(builder.quantize(), 8)
    rows, columns, channels = plan(builder.graph(), steady(100_000)).ops[-1].tile
    assert (columns, channels) == (28, 8)
    assert rows < 28


def test_a_dimension_beyond_the_format_is_named() -> None:
    builder = Builder((1, 1, 70_000))
    builder.quantize()
    with pytest.raises(PackError, match="layer op0 has a dimension of 70000"):
        plan(builder.graph(), TARGET)


def test_lifetimes_are_what_liveness_says() -> None:
    graph = chain()
    made = plan(graph, TARGET)
    assert (made.sample.first_op, made.sample.last_op) == (-1, 0)
    assert [(made.tensors[op.output].first_op, made.tensors[op.output].last_op) for op in graph.ops] == [
        *pairwise(range(4)),
        (3, 3),
    ]
