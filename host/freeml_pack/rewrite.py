"""Questions about graphs and edits of them that several passes need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from freeml_pack.graph import Copy, DepthwiseConv2d, Graph, Op, Shape, Strides


def only_producer(graph: Graph, tensor: str) -> Op | None:
    """The op that writes all of a tensor, None where several write parts."""
    producers = graph.producers(tensor)
    return producers[0] if len(producers) == 1 else None


def is_used_once(graph: Graph, tensor: str) -> bool:
    """Whether one op reads it, once, and nobody else needs it."""
    reads = sum(op.inputs.count(tensor) for op in graph)
    return reads == 1 and tensor != graph.output


def is_affine(graph: Graph, op: Op) -> bool:
    """Whether the op is a scale and shift per channel."""
    if not isinstance(op, DepthwiseConv2d):
        return False
    same_shape = graph.tensors[op.inputs[0]].shape == graph.tensors[op.output].shape
    return same_shape and op.window.kernel == (1, 1) and op.window.stride == (1, 1) and not any(op.window.padding)


def is_pointwise(graph: Graph, op: Op) -> bool:
    """Whether the op moves nothing: each output element comes from the input element at the same place."""
    if not isinstance(op, Copy):
        return False
    shape: Shape = graph.tensors[op.output].shape
    if graph.tensors[op.inputs[0]].shape != shape or op.view.source != op.view.destination:
        return False
    straight = Strides(0, shape[1] * shape[2], shape[2], 1)
    covers_all = op.view.space[0] * op.view.space[1] * op.view.space[2] == graph.tensors[op.output].size
    return covers_all and (op.view.source == straight or len(graph.producers(op.output)) == 1)


def substitute(graph: Graph, old: Iterable[Op], new: dict[int, Op]) -> Graph:
    """Without the ops `old`; ops whose id is in `new` give way to what it says."""
    gone = {id(op) for op in old}
    ops = tuple(new.get(id(op), op) for op in graph if id(op) not in gone)
    return graph.with_(ops=ops)


def keep_stats(graph: Graph, source: str, target: str) -> Graph:
    """Gives tensor `target` the statistics of `source` where it has none of its own."""
    if graph.tensors[target].stats is not None or graph.tensors[source].stats is None:
        return graph
    tensor = replace(graph.tensors[target], stats=graph.tensors[source].stats)
    return graph.with_(tensors={**graph.tensors, target: tensor})
