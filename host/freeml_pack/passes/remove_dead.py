"""Drops copies that change nothing, ops that nobody needs, and their tensors."""

from __future__ import annotations

from dataclasses import replace

from freeml_pack.graph import Graph, Op
from freeml_pack.rewrite import is_pointwise


def remove_dead(graph: Graph) -> Graph:
    return _without_unused(_without_identities(graph))


def _without_identities(graph: Graph) -> Graph:
    source: dict[str, str] = {}
    ops: list[Op] = []
    for op in graph:
        inputs = tuple(source.get(name, name) for name in op.inputs)
        if is_pointwise(graph, op) and op.activation is None:
            source[op.output] = inputs[0]
        else:
            ops.append(op if inputs == op.inputs else replace(op, inputs=inputs))
    return graph.with_(ops=tuple(ops), output=source.get(graph.output, graph.output))


def _without_unused(graph: Graph) -> Graph:
    needed = {graph.output}
    ops: list[Op] = []
    for op in reversed(graph.ops):
        if op.output in needed:
            needed.update(op.inputs)
            ops.append(op)
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name in needed}
    return graph.with_(ops=tuple(reversed(ops)), tensors=tensors)
