"""Pooling on the way out (SPEC.md, "CONV_2D"): a convolution followed by a maximum over pixels side by side becomes one op.

The same numbers come out, and the tensor between the two, the largest of many networks, is never stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from freeml_pack.graph import Conv2d, Graph, MaxPool2d, OpQuant
from freeml_pack.rewrite import is_used_once, only_producer, substitute

_MOST_PIXELS = 255  # along an axis of a pool: the format's field


def fuse_pool(graph: Graph, fits: Callable[[Conv2d], bool]) -> Graph:
    """An int8 graph with its max-pools inside the convolutions before them, where these `fit`: as one op, each of whose outputs
    takes as many sums as a pool has pixels."""
    for pool in graph.ops:
        if isinstance(pool, MaxPool2d):
            conv = only_producer(graph, pool.inputs[0])
            if isinstance(conv, Conv2d) and _can_fuse(graph, conv, pool):
                fused = _fused(conv, pool)
                if fits(fused):
                    graph = substitute(graph, [pool], {id(conv): fused})
    return graph


def _can_fuse(graph: Graph, conv: Conv2d, pool: MaxPool2d) -> bool:
    if conv.pool != (1, 1) or conv.sums_in or conv.sums_out or conv.q is None or pool.q is None:
        return False
    source, target = graph.tensors[conv.output], graph.tensors[pool.output]
    looks_up = conv.q.lookup is not None or pool.q.lookup is not None
    return (
        not looks_up
        and source.quant == target.quant
        and is_used_once(graph, conv.output)
        and len(graph.producers(pool.output)) == 1
        and all(map(_side_by_side, pool.window.kernel, pool.window.stride, source.shape, target.shape))
        and pool.window.padding[:2] == (0, 0)
        and pool.window.dilation == (1, 1)
    )


def _side_by_side(kernel: int, stride: int, pixels: int, count: int) -> bool:
    """Whether `count` pools lie side by side among the pixels of an axis, none of them hanging over."""
    return (kernel == stride or count == 1) and kernel * count <= pixels and kernel <= _MOST_PIXELS


def _fused(conv: Conv2d, pool: MaxPool2d) -> Conv2d:
    assert conv.q is not None
    assert pool.q is not None
    low, high = (_clamped(bound, pool.q) for bound in (conv.q.activation_min, conv.q.activation_max))
    return replace(
        conv,
        output=pool.output,
        pool=pool.window.kernel,
        activation=conv.activation or pool.activation,
        q=replace(conv.q, activation_min=low, activation_max=high),
    )


def _clamped(value: int, q: OpQuant) -> int:
    return min(max(value, q.activation_min), q.activation_max)
