"""Moves pointwise functions into the ops that compute their input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from freeml_pack import activations
from freeml_pack.graph import Fill, Graph, Op, Quantize
from freeml_pack.rewrite import is_pointwise, is_used_once, keep_stats, substitute


def fuse_activations(graph: Graph) -> Graph:
    for op in graph.ops:
        if op.activation is not None and is_pointwise(graph, op) and _can_fuse(graph, op):
            source = op.inputs[0]
            fused: dict[int, Op] = {}
            for producer in graph.producers(source):
                activation = None if isinstance(producer, Fill) else op.activation
                fused[id(producer)] = replace(producer, output=op.output, activation=activation)
            graph = keep_stats(substitute(graph, [op], fused), source, op.output)
    return graph


def _can_fuse(graph: Graph, op: Op) -> bool:
    source = op.inputs[0]
    producers = graph.producers(source)
    if not is_used_once(graph, source) or any(isinstance(p, Quantize) or p.activation is not None for p in producers):
        return False
    keeps_zero = float(activations.apply(op.activation, np.zeros(1))[0]) == 0.0
    return keeps_zero or not any(isinstance(p, Fill) for p in producers)
