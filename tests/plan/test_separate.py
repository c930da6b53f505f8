"""Layers separated by rows: smaller arenas, the same answers."""

from __future__ import annotations

import graphs
import numpy as np
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine
from freeml_pack.graph import Graph, SampleType, Window
from freeml_pack.oracle import run_oracle
from freeml_pack.plan import check_commit_rule, plan, separate
from freeml_pack.plan.allocate import allocate
from priced import steady


def chain(seed: int) -> Graph:
    """Every kind of operator that runs in bands, with a shortcut; strides, pools and dilation differ by seed."""
    b = graphs.Builder(np.random.default_rng(seed))
    x = b.quantize((3, 17, 11), SampleType.INT16, per_channel=True)
    stride = (2, 2) if seed % 3 == 0 else (1, 1)
    x = b.conv(x, 8, Window((3, 3), stride, padding=(1, 1, 1, 1)), pool=(2, 1) if seed % 2 else (1, 1))
    y = b.conv(x, 8, Window((3, 3), padding=(1, 1, 1, 1)), groups=1 + seed % 2, lookup=True)
    x = b.depthwise(b.add(y, x), Window((3, 3), (1, 1), (2, 1), (2, 1, 2, 1)))
    x = b.max_pool(b.average_pool(x, Window((3, 3), padding=(1, 1, 1, 1))), Window((3, 3), (2, 2), padding=(1, 1, 1, 1)))
    return b.finish(b.linear(b.flatten(b.conv(x, 4, Window((1, 1)))), 3))


def arena(graph: Graph) -> int:
    return allocate(graph)[2]


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("share", [0.85, 0.7, 0.1])
def test_the_same_answers_in_less_memory(seed: int, share: float) -> None:
    graph = chain(seed)
    limit = int(arena(graph) * share)
    cut = separate(graph, limit)
    made = plan(cut, steady(2_000))
    check_commit_rule(cut, made)
    assert arena(cut) < arena(graph)
    samples = np.random.default_rng(seed).integers(0, 256, (3, graph.sample.size), np.uint8)
    expected = run_oracle(graph, samples)
    assert len(np.unique(expected)) > 3
    assert np.array_equal(run_oracle(cut, samples), expected)
    for streamed in (False, True):
        assert np.array_equal(Engine(write_blob(cut, made), streamed=streamed).run_batch(samples), expected)


def test_what_fits_stays() -> None:
    graph = chain(0)
    assert separate(graph, arena(graph)) is graph


def test_the_bands_of_a_layer_share_their_constants() -> None:
    graph = chain(2)
    cut = separate(graph, int(arena(graph) * 0.7))
    assert len(cut.ops) > 2 * len(graph.ops)
    whole, parts = (write_blob(g, graphs.roomy_plan(g)) for g in (graph, cut))
    assert len(parts) - len(whole) < 110 * (len(cut.ops) - len(graph.ops))


def test_no_more_work_than_needed() -> None:
    """Fewer bands where more memory is allowed."""
    graph = chain(2)
    work = [separate(graph, int(arena(graph) * share)).macs() for share in (1.0, 0.85, 0.7)]
    assert graph.macs() == work[0] <= work[1] < work[2] < 1.5 * graph.macs()


def test_what_cannot_be_cut_stays() -> None:
    b = graphs.Builder(np.random.default_rng(0))
    graph = b.finish(b.linear(b.linear(b.quantize((50, 1, 1)), 100), 10))
    assert separate(graph, 10) is graph
