"""Removing whole channels: a graph with fewer of them computes the same as one in which they are zero.

Channels that can only go together (those that an addition adds, a depthwise convolution or a pool passes on) form a group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from freeml_pack.graph import (
    Add,
    AveragePool2d,
    Conv2d,
    Copy,
    DepthwiseConv2d,
    Graph,
    MaxPool2d,
    Multiply,
    Op,
    Quantize,
    Strides,
    Tensor,
    View,
)


class ChannelGroups:
    """of: by tensor, the group of each of its channels, int64 [C]; removable: bool [groups].

    Groups that touch the sample, the scores, a grouped convolution or a copy that shuffles channels cannot be removed."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        begins = np.cumsum([0, *(t.shape[2] for t in graph.tensors.values())])
        self._begin = dict(zip(graph.tensors, begins.tolist(), strict=False))
        self._parent = np.arange(begins[-1])
        fixed = [graph.output]
        for op in graph:
            fixed += self._tie(op)
        roots, ids = np.unique([self._root(i) for i in range(len(self._parent))], return_inverse=True)
        self.of = {name: ids[self._slots(name)] for name in graph.tensors}
        self.removable = np.ones(len(roots), bool)
        for name in fixed:
            self.removable[self.of[name]] = False

    def _slots(self, name: str) -> np.ndarray:
        begin = self._begin[name]
        return np.arange(begin, begin + self.graph.tensors[name].shape[2])

    def _root(self, slot: int) -> int:
        while self._parent[slot] != slot:
            self._parent[slot] = self._parent[self._parent[slot]]
            slot = int(self._parent[slot])
        return slot

    def _join(self, first: np.ndarray, second: np.ndarray) -> None:
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            self._parent[self._root(a)] = self._root(b)

    def _tie(self, op: Op) -> list[str]:
        """Joins what the op ties; the tensors whose channels it needs all."""
        here = self._slots(op.output)
        match op:
            case Quantize():
                return [op.output]
            case Conv2d():
                return [op.output, *op.inputs] if op.groups > 1 else []
            case DepthwiseConv2d():
                self._join(here, np.repeat(self._slots(op.inputs[0]), len(here) // len(self._slots(op.inputs[0]))))
            case MaxPool2d() | AveragePool2d() | Add() | Multiply():
                for name in op.inputs:
                    self._join(here, self._slots(name))
            case Copy():
                channels = _copied_channels(self.graph, op)
                if channels is None:
                    return [op.output, *op.inputs]
                source, destination, depth = channels
                self._join(self._slots(op.inputs[0])[source : source + depth], here[destination : destination + depth])
        return []

    def keep(self, kept: np.ndarray) -> dict[str, np.ndarray]:
        """kept: bool [groups] -> by tensor, which channels stay, bool [C]: those kept, and one where it would be none."""
        kept = kept | ~self.removable
        for groups in self.of.values():
            if not kept[groups].any():
                kept[groups[0]] = True
        return {name: kept[groups] for name, groups in self.of.items()}


def _copied_channels(graph: Graph, op: Copy) -> tuple[int, int, int] | None:
    """(first channel read, first channel written, how many) where the copy leaves channels in their order at each place."""
    begins = []
    for name, side in ((op.inputs[0], op.view.source), (op.output, op.view.destination)):
        channels = graph.tensors[name].shape[2]
        begin = side.offset % channels
        straight = side.depth == 1 or op.view.space[2] == 1
        if not straight or side.row % channels or side.column % channels or begin + op.view.space[2] > channels:
            return None
        begins.append(begin)
    return begins[0], begins[1], op.view.space[2]


def remove_channels(graph: Graph, keep: Mapping[str, np.ndarray], means: Mapping[str, np.ndarray] | None = None) -> Graph:
    """keep: by tensor, bool [C]; from `ChannelGroups.keep`. means: by tensor, float [C], what a channel that goes counts
    as (in the biases of the convolutions that read it); None: zero."""
    tensors = {name: _cut_tensor(tensor, keep[name]) for name, tensor in graph.tensors.items()}
    ops = (_cut(graph, _with_means(op, keep, means) if means else op, keep) for op in graph)
    return graph.with_(ops=tuple(op for op in ops if op is not None), tensors=tensors)


def _with_means(op: Op, keep: Mapping[str, np.ndarray], means: Mapping[str, np.ndarray]) -> Op:
    if not isinstance(op, Conv2d) or op.groups > 1:
        return op
    gone = np.where(keep[op.inputs[0]], 0.0, means[op.inputs[0]])
    return replace(op, bias=(op.bias + (op.weight * gone).sum(axis=(1, 2, 3))).astype(np.float32))


def _cut_tensor(tensor: Tensor, kept: np.ndarray) -> Tensor:
    stats = None if tensor.stats is None else (tensor.stats[0][kept], tensor.stats[1][kept])
    return replace(tensor, shape=(*tensor.shape[:2], int(kept.sum())), stats=stats)


def _cut(graph: Graph, op: Op, keep: Mapping[str, np.ndarray]) -> Op | None:
    out = keep[op.output]
    match op:
        case Conv2d():
            weight = op.weight[out] if op.groups > 1 else op.weight[out][..., keep[op.inputs[0]]]
            return replace(op, weight=weight, bias=op.bias[out])
        case DepthwiseConv2d():
            return replace(op, weight=op.weight[out], bias=op.bias[out])
        case Copy():
            return _cut_copy(graph, op, keep)
        case _:
            return op


def _cut_copy(graph: Graph, op: Copy, keep: Mapping[str, np.ndarray]) -> Op | None:
    """None where nothing of what it copied is left."""
    channels = _copied_channels(graph, op)
    if channels is None:
        return op
    source, destination, depth = channels
    left = int(keep[op.output][destination : destination + depth].sum())
    if left == 0:
        return None
    view = View(
        (*op.view.space[:2], left),
        _cut_strides(op.view.source, keep[op.inputs[0]], source),
        _cut_strides(op.view.destination, keep[op.output], destination),
    )
    return replace(op, view=view)


def _cut_strides(side: Strides, kept: np.ndarray, begin: int) -> Strides:
    before, after = len(kept), int(kept.sum())
    offset = side.offset // before * after + int(kept[:begin].sum())
    return Strides(offset, side.row // before * after, side.column // before * after, 1)
