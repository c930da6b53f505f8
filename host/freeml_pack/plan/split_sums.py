"""Sums in parts (SPEC.md, "CONV_2D"): the sum of an output is cut where it is more than a charge, or its constants more than
the buffer that they are streamed through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import ceil

import numpy as np

from freeml_pack.graph import SUM_BYTES, Conv2d, Graph, Op, OpQuant, Quant, Requant, Tensor
from freeml_pack.plan.allocate import allocate
from freeml_pack.plan.cost import CostModel
from freeml_pack.plan.space import block_bytes
from freeml_pack.targets import Target

_NARROWEST = 4  # output channels of the smallest tile


def split_sums(graph: Graph, target: Target) -> Graph:
    """The graph with as few more ops as make the smallest step of every convolution fit a charge of the target and, where
    that takes less RAM than a larger buffer, its constants fit target.stream_bytes. Each part reads some of the input channels
    and goes on from the sums of the part before; the last one adds the bias, so that no sum is larger than the proven ones.
    What cannot be cut so far stays too dear. PackError where a charge does not last until the first step."""
    split = _Split(graph, target)
    while split.cut_dearest():
        pass
    split.cut_widest()
    return split.graph()


def step_fits(graph: Graph, target: Target) -> Callable[[Conv2d], bool]:
    """Whether the smallest step of a convolution, of this graph or instead of some of its ops, takes no more than an interval
    between commits should."""
    costs = _costs(graph, target)
    return lambda op: _dearness(costs, op) <= costs.interval


def _costs(graph: Graph, target: Target) -> CostModel:
    _, _, arena_size = allocate(graph)
    return CostModel(graph, target, arena_size)


def _dearness(costs: CostModel, op: Conv2d) -> float:
    """What the smallest step costs at most."""
    tile = (1, 1, min(_NARROWEST, len(op.weight)))
    return costs.step(op, tile) + costs.load(op, tile)


class _Split:
    """A graph and in how many parts each of its convolutions is cut."""

    def __init__(self, graph: Graph, target: Target) -> None:
        self._graph, self._target = graph, target
        self._parts = {op.output: 1 for op in graph if isinstance(op, Conv2d) and _can_split(op)}

    def graph(self) -> Graph:
        graph, tensors, ops = self._graph, dict(self._graph.tensors), list[Op]()
        for op in graph:
            parts = [op]
            if isinstance(op, Conv2d) and self._parts.get(op.output, 1) > 1:
                parts = _cut(graph, op, self._parts[op.output], tensors)
            ops += parts
        return graph.with_(ops=tuple(ops), tensors=tensors)

    def cut_dearest(self) -> bool:
        """Cuts what is too dear for a charge once more; whether there was anything to cut."""
        graph = self.graph()
        costs = _costs(graph, self._target)
        share = {op.output: _dearness(costs, op) / costs.limit for op in graph if isinstance(op, Conv2d)}
        found = False
        for op in self._splittable():
            count, most = self._parts[op.output], op.weight.shape[3]
            worst = max(share[name] for name in _outputs(op, count))
            if worst > 1 and count < most:
                # Part of what a step costs does not shrink, so that this many are never too many.
                self._parts[op.output] = min(max(count + 1, int(count * worst)), most)
                found = True
        return found

    def cut_widest(self) -> None:
        """Cuts what has constants larger than the buffer that they are streamed through, the largest first, as long as the
        sums that are kept for it do not take more RAM than that saves."""
        room = self._target.stream_bytes
        for op in sorted(self._splittable(), key=lambda op: -_block(op, op.weight.shape[3])) if room else ():
            before, ram = self._parts[op.output], self._ram()
            count, most = before, op.weight.shape[3]
            while count < most and _block(op, ceil(most / count)) > room:
                count += 1
            self._parts[op.output] = count
            if self._ram() > ram:
                self._parts[op.output] = before
                break

    def _splittable(self) -> Sequence[Conv2d]:
        return [op for op in self._graph if isinstance(op, Conv2d) and op.output in self._parts]

    def _ram(self) -> int:
        """Bytes of RAM that depend on the cuts."""
        graph = self.graph()
        arena = 0 if self._target.nvm_mapped else allocate(graph)[2]
        return arena + max(_block(op, op.weight.shape[3]) for op in graph if isinstance(op, Conv2d))


def _can_split(op: Conv2d) -> bool:
    """A part of the input channels is not a part of every group's."""
    return op.groups == 1 and op.pool == (1, 1) and op.channel_range is None and not op.sums_out


def _block(op: Conv2d, channels: int) -> int:
    """Bytes of the smallest block of constants, for so many of the input channels."""
    part = replace(op, weight=op.weight[..., :channels], q=_constants(op, 0, channels))
    return block_bytes(part, min(_NARROWEST, len(op.weight)))


def _outputs(op: Conv2d, count: int) -> list[str]:
    """Names of the tensors that the parts write."""
    return [*(f"{op.output}/sums{number}" for number in range(1, count)), op.output]


def _cut(graph: Graph, op: Conv2d, count: int, tensors: dict[str, Tensor]) -> list[Op]:
    """`count` ops instead of one; the tensors between them are added to `tensors`."""
    height, width, channels = graph.tensors[op.output].shape
    edges = [round(number * op.weight.shape[3] / count) for number in range(count + 1)]
    ops: list[Op] = []
    inputs = op.inputs
    for output, (begin, end) in zip(_outputs(op, count), pairwise(edges), strict=True):
        part = replace(
            op,
            name=f"{op.name}/part{len(ops) + 1}",
            inputs=inputs,
            output=output,
            weight=op.weight[..., begin:end],
            channel_range=(begin, end),
            q=_constants(op, begin, end),
        )
        if output != op.output:
            tensors[output] = Tensor(output, (height, width, SUM_BYTES * channels), Quant(1.0, 0))
            none = np.zeros_like(op.bias)
            part = replace(part, bias=none, activation=None, sums_out=True, q=_sums_only(part.q))
        ops.append(part)
        inputs = (op.inputs[0], output)
    return ops


def _constants(op: Conv2d, begin: int, end: int) -> OpQuant | None:
    if op.q is None or op.q.weight is None:
        return op.q
    return replace(op.q, weight=op.q.weight[..., begin:end])


def _sums_only(q: OpQuant | None) -> OpQuant | None:
    """Constants of a part that is not the last one; nothing is added or scaled yet."""
    if q is None or q.bias is None:
        return q
    scale = Requant(np.zeros(len(q.bias), np.int32), np.ones(len(q.bias), np.int32))
    return OpQuant(weight=q.weight, weight_scale=q.weight_scale, bias=np.zeros_like(q.bias), requant=scale)
