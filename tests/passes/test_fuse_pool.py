"""A max-pool inside the convolution before it: the same numbers, without the tensor between."""

from __future__ import annotations

from dataclasses import replace

import graphs
import numpy as np
import pytest
from freeml_pack.graph import Conv2d, Graph, MaxPool2d, OpQuant, Window
from freeml_pack.oracle import run_oracle
from freeml_pack.passes import fuse_pool
from hypothesis import given, settings
from hypothesis import strategies as st


def everything(_: Conv2d) -> bool:
    return True


def conv_and_pool(seed: int, kernel: tuple[int, int], size: tuple[int, int], groups: int = 1) -> Graph:
    b = graphs.Builder(np.random.default_rng(seed))
    x = b.conv(b.quantize((2, *size)), 6, Window((3, 2), padding=(1, 1, 1, 0)), groups=groups)
    return b.finish(b.linear(b.flatten(b.max_pool(x, Window(kernel, kernel))), 3))


def clamped(graph: Graph, low: int, high: int) -> Graph:
    """The max-pool has an activation of its own."""
    q = OpQuant(activation_min=low, activation_max=high)
    return graph.with_(ops=tuple(replace(op, q=q) if isinstance(op, MaxPool2d) else op for op in graph))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1000),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.integers(4, 9), st.integers(4, 9)),
    st.sampled_from([1, 2]),
    st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
)
def test_the_same_numbers(
    seed: int, kernel: tuple[int, int], size: tuple[int, int], groups: int, bounds: tuple[int, int]
) -> None:
    graph = clamped(conv_and_pool(seed, kernel, size, groups), min(bounds), max(bounds))
    fused = fuse_pool(graph, everything)
    assert not any(isinstance(op, MaxPool2d) for op in fused)
    samples = np.random.default_rng(seed).integers(0, 256, (3, *graph.sample.shape), np.uint8)
    apart, together = run_oracle(graph, samples, trace=True), run_oracle(fused, samples, trace=True)
    pooled = next(op.output for op in graph if isinstance(op, MaxPool2d))
    assert np.array_equal(apart[pooled], together[pooled])
    assert np.array_equal(apart[graph.output], together[graph.output])
    assert len(together) == len(apart) - 1


def kept_apart(graph: Graph) -> bool:
    return fuse_pool(graph, everything).ops == graph.ops


@pytest.mark.parametrize(
    "window",
    [
        Window((3, 3), (2, 2)),  # pools overlap
        Window((2, 2), (2, 2), padding=(1, 1, 0, 0)),
        Window((2, 2), (2, 2), padding=(0, 0, 1, 1)),  # of 9 x 9 pixels: the last ones hang over
        Window((2, 2), (2, 2), dilation=(2, 2)),
        Window((2, 2), (3, 3)),  # pixels between the pools
    ],
)
def test_other_windows_stay_apart(window: Window) -> None:
    b = graphs.Builder(np.random.default_rng(0))
    assert kept_apart(b.finish(b.max_pool(b.conv(b.quantize((2, 9, 9)), 6, Window((1, 1))), window)))


def test_a_single_pool_has_no_stride() -> None:
    b = graphs.Builder(np.random.default_rng(0))
    graph = b.finish(b.max_pool(b.conv(b.quantize((2, 9, 9)), 6, Window((1, 1))), Window((9, 8), (2, 2))))
    assert not kept_apart(graph)


def test_a_look_up_stays_behind_its_convolution() -> None:
    b = graphs.Builder(np.random.default_rng(0))
    x = b.conv(b.quantize((2, 6, 6)), 4, Window((1, 1)), lookup=True)
    assert kept_apart(b.finish(b.max_pool(x, Window((2, 2), (2, 2)))))


def test_what_others_read_stays() -> None:
    b = graphs.Builder(np.random.default_rng(0))
    x = b.conv(b.quantize((2, 6, 6)), 4, Window((1, 1)))
    pooled = b.max_pool(x, Window((2, 2), (2, 2)))
    assert kept_apart(b.finish(b.multiply(x, b.adaptive_pool(pooled, (1, 1)))))
    assert kept_apart(b.finish(x))


def test_what_does_not_fit_stays_apart() -> None:
    graph = conv_and_pool(0, (2, 2), (8, 8))
    assert fuse_pool(graph, lambda op: op.pool != (2, 2)).ops == graph.ops
