"""Layers separated by rows: where tensors take more of the arena than there is, operators around the largest run band by band.

As patch-based inference in Lin et al., "MCUNetV2: Memory-Efficient Patch-based Inference for Tiny Deep Learning" (2021), 3:
a band of output rows goes through a chain of operators before the next one begins, and rows that two bands need are
computed twice. What lies between the chain's ends exists one band at a time. Exact: every output is computed as before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

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
    OpQuant,
    Quantize,
    Shape,
    Strides,
    Tensor,
    View,
)
from freeml_pack.plan.allocate import allocate
from freeml_pack.plan.types import bytes_in_use
from freeml_pack.rewrite import is_pointwise

_MOST_OPS = 10  # of a chain, before the op at which most bytes are in use and from it on
_BANDS = (2, 3, 4, 6, 8, 12, 16, 24, 32)
_Windowed = Conv2d | DepthwiseConv2d | MaxPool2d | AveragePool2d


@dataclass(frozen=True)
class _Rows:
    """Rows [begin, end) of a tensor."""

    begin: int
    end: int

    def with_(self, other: _Rows | None) -> _Rows:
        return self if other is None else _Rows(min(self.begin, other.begin), max(self.end, other.end))


def separate(graph: Graph, arena_limit: int) -> Graph:
    """An int8 graph whose arena takes at most `arena_limit` bytes, for as few more multiply-accumulates as the chains that were
    tried allow; where none does, one with a smaller arena, or the graph as it is."""
    best = graph
    while (size := _arena(graph)) > arena_limit:
        if size < _arena(best):
            best = graph
        found = list(_separations(graph))
        fitting = [entry for entry in found if entry.arena <= arena_limit]
        if fitting:
            return min(fitting, key=lambda entry: (entry.graph.macs(), len(entry.graph.ops))).graph
        # Other ops may be as dear as the chain was: it is enough that the chain is not any more.
        smallest = min(found, key=lambda entry: (entry.arena, entry.in_use, entry.graph.macs()), default=None)
        if smallest is None or smallest.arena > size or smallest.in_use >= max(_in_use(graph)):
            return best
        graph = smallest.graph
    return graph


@dataclass(frozen=True, eq=False)
class _Separation:
    graph: Graph
    arena: int  # bytes
    in_use: int  # bytes, at the chain's worst op


def _arena(graph: Graph) -> int:
    return allocate(graph)[2]


def _in_use(graph: Graph) -> list[int]:
    """Bytes that are in use at each op."""
    tensors, sample, _ = allocate(graph)
    return bytes_in_use((sample, *tensors.values()), len(graph.ops))


def _separations(graph: Graph) -> Iterator[_Separation]:
    """The graph with a chain around the op at which most bytes are in use cut in bands, in all ways that are tried."""
    in_use = _in_use(graph)
    peak = in_use.index(max(in_use))
    for begin in range(peak, max(-1, peak - _MOST_OPS), -1):
        if not _has_bands(graph, graph.ops[begin]):
            return
        for end in range(peak + 1, min(len(graph.ops), peak + _MOST_OPS) + 1):
            if not _has_bands(graph, graph.ops[end - 1]):
                break
            height = graph.tensors[graph.ops[end - 1].output].shape[0]
            if end - begin > 1 and _is_closed(graph, graph.ops[begin:end]):
                for count in (count for count in _BANDS if count <= height):
                    cut = _in_bands(graph, begin, end, count)
                    behind = len(graph.ops) - end
                    yield _Separation(cut, _arena(cut), max(_in_use(cut)[begin : len(cut.ops) - behind]))


def _has_bands(graph: Graph, op: Op) -> bool:
    """Whether some rows of the op's output can be computed by themselves, by the same op on fewer rows."""
    if len(graph.producers(op.output)) != 1:
        return False
    if isinstance(op, Quantize):
        return _source_of(op, graph.tensors[op.output].shape) is not None
    if isinstance(op, Conv2d):
        return op.channel_range is None
    if isinstance(op, AveragePool2d):
        return not op.adaptive
    return isinstance(op, DepthwiseConv2d | MaxPool2d | Add | Multiply) or is_pointwise(graph, op)


def _is_closed(graph: Graph, chain: Sequence[Op]) -> bool:
    """Whether only the last op's output is needed outside."""
    inside = {id(op) for op in chain}
    return all(
        op.output != graph.output and all(id(reader) in inside for reader in graph.consumers(op.output)) for op in chain[:-1]
    )


def _in_bands(graph: Graph, begin: int, end: int, count: int) -> Graph:
    """The ops [begin, end) run `count` times, for about as many rows of the last one's output each."""
    chain, tensors, ops = graph.ops[begin:end], dict(graph.tensors), list[Op]()
    height = graph.tensors[chain[-1].output].shape[0]
    edges = [round(number * height / count) for number in range(count + 1)]
    for number in range(count):
        band = _Band(graph, chain, number + 1, tensors)
        ops += band.ops_of(_Rows(edges[number], edges[number + 1]))
    for op in chain[:-1]:
        del tensors[op.output]
    return graph.with_(ops=(*graph.ops[:begin], *ops, *graph.ops[end:]), tensors=tensors)


class _Band:
    """One band: the chain's ops on some rows. Adds tensors to `tensors`."""

    def __init__(self, graph: Graph, chain: Sequence[Op], number: int, tensors: dict[str, Tensor]) -> None:
        self._graph, self._chain, self._number, self._tensors = graph, chain, number, tensors
        self._ops: list[Op] = []
        self._there: dict[tuple[str, _Rows], str] = {}  # rows of tensors as tensors
        self._rows: dict[str, _Rows] = {}  # of the chain's tensors, that this band computes

    def ops_of(self, rows: _Rows) -> list[Op]:
        """Ops that compute these rows of the chain's output."""
        last = self._chain[-1].output
        self._rows[last] = rows
        for op in reversed(self._chain):
            for name in op.inputs:
                self._rows[name] = self._wanted(op, name, self._rows[op.output]).with_(self._rows.get(name))
        for op in self._chain:
            self._compute(op, self._rows[op.output])
        self._copy(self._there[last, rows], last, rows, to_whole=True)
        return self._ops

    def _wanted(self, op: Op, name: str, rows: _Rows) -> _Rows:
        """Rows of an input that some rows of the output are made of."""
        height = self._graph.tensors[name].shape[0]
        if isinstance(op, _Windowed):
            first, last = _window_rows(op, rows)
            return _Rows(max(first, 0), min(last, height))
        return rows if height == self._graph.tensors[op.output].shape[0] else _Rows(0, height)

    def _compute(self, op: Op, rows: _Rows) -> None:
        inputs = tuple(self._take(name, self._wanted(op, name, rows)) for name in op.inputs)
        output = self._tensor(op.output, rows)
        made = replace(op, name=self._name(op), inputs=inputs, output=output)
        if isinstance(made, _Windowed):
            first, last = _window_rows(made, rows)
            beyond = last - self._graph.tensors[op.inputs[0]].shape[0]
            _, left, _, right = made.window.padding
            window = replace(made.window, padding=(max(-first, 0), left, max(beyond, 0), right))
            made = replace(made, window=window)
        elif isinstance(made, Quantize):
            source = _source_of(made, self._graph.tensors[op.output].shape)
            assert source is not None
            source = replace(source, offset=source.offset + rows.begin * source.row)
            shape = self._tensors[output].shape
            made = replace(made, view=View(shape, source, _straight(shape)))
        elif isinstance(made, Copy):
            shape = self._tensors[output].shape
            made = replace(made, view=View(shape, _straight(shape), _straight(shape)))
        self._ops.append(made)
        self._there[op.output, rows] = output

    def _take(self, name: str, rows: _Rows) -> str:
        """A tensor that is these rows of a tensor."""
        known = self._there.get((name, rows))
        if known is None and rows == _Rows(0, self._graph.tensors[name].shape[0]) and name not in self._computed():
            known = name
        if known is None:
            known = self._copy(name, name, rows, to_whole=False)
        self._there[name, rows] = known
        return known

    def _computed(self) -> set[str]:
        return {op.output for op in self._chain}

    def _copy(self, source: str, name: str, rows: _Rows, *, to_whole: bool) -> str:
        """Rows of the tensor `name` from the band's tensor `source` to it, or from it to a tensor of their own."""
        shape = self._graph.tensors[name].shape
        space, within = (rows.end - rows.begin, *shape[1:]), rows.begin * shape[1] * shape[2]
        there, whole = _straight(space), replace(_straight(shape), offset=within)
        if to_whole:
            output, view = name, View(space, there, whole)
        else:
            first = 0
            if name in self._computed():
                first = self._rows[name].begin
                source = self._there[name, self._rows[name]]
            whole = replace(whole, offset=(rows.begin - first) * shape[1] * shape[2])
            output, view = self._tensor(f"{name}/cut", rows, of=name), View(space, whole, there)
        self._ops.append(Copy(name=f"{name}/band{self._number}", inputs=(source,), output=output, view=view, q=OpQuant()))
        return output

    def _tensor(self, name: str, rows: _Rows, of: str | None = None) -> str:
        whole = self._graph.tensors[of or name]
        made = replace(whole, name=f"{name}/band{self._number}", shape=(rows.end - rows.begin, *whole.shape[1:]))
        if made.name in self._tensors:  # other rows of the same tensor
            made = replace(made, name=f"{made.name}/{rows.begin}")
        self._tensors[made.name] = made
        return made.name

    def _name(self, op: Op) -> str:
        return f"{op.name}/band{self._number}"


def _window_rows(op: _Windowed, rows: _Rows) -> tuple[int, int]:
    """Input rows [first, last) under the windows of some output rows; outside the input there is padding."""
    pool = op.pool[0] if isinstance(op, Conv2d) else 1
    window = op.window
    first = rows.begin * pool * window.stride[0] - window.padding[0]
    last = (rows.end * pool - 1) * window.stride[0] - window.padding[0] + (window.kernel[0] - 1) * window.dilation[0] + 1
    return first, last


def _source_of(op: Quantize, shape: Shape) -> Strides | None:
    """Where in the sample the elements of the output (rows, columns, channels) come from; None where they do not lie at even
    distances, or their constants are not one for all or one for each channel."""
    view = op.view
    assert op.q is not None
    assert op.q.quantize is not None
    by_channel = view.space[2] == shape[2] and view.destination.depth == 1
    if prod(view.space) != prod(shape) or (len(op.q.quantize) > 1 and not by_channel):
        return None
    places = np.empty(prod(shape), np.int64)
    places[view.destination.indices(view.space)] = view.source.indices(view.space)
    places = places.reshape(shape)
    first = int(places[0, 0, 0])
    row, column, channel = (int(places.take(min(1, size - 1), axis).flat[0]) - first for axis, size in enumerate(shape))
    source = Strides(first, row, column, channel)
    return source if np.array_equal(source.indices(shape), places) else None


def _straight(shape: Shape) -> Strides:
    return Strides(0, shape[1] * shape[2], shape[2], 1)
