"""Recognises activations that the model's author spelled out, so that each becomes one table.

relu6(x + 3) / 6        hardsigmoid
x * hardsigmoid(x)      hardswish, also with the division by 6 at the end
x * sigmoid(x)          silu
"""

from __future__ import annotations

import numpy as np

from freeml_pack.graph import Activation, Copy, DepthwiseConv2d, Graph, Multiply, Op, Strides, View
from freeml_pack.rewrite import is_affine, is_pointwise, is_used_once, only_producer, substitute

_GATED = {"sigmoid": "silu", "hardsigmoid": "hardswish"}


def recognise_activations(graph: Graph) -> Graph:
    for rule in (_hard_sigmoid, _hard_swish, _gate):
        for op in graph.ops:
            graph = rule(graph, op) or graph
    return graph


def _hard_sigmoid(graph: Graph, last: Op) -> Graph | None:
    """relu6(x + 3) / 6"""
    clip = only_producer(graph, last.inputs[0]) if _is_affine_by(graph, last, 1 / 6, 0.0) else None
    plus = _plus_3_before(graph, clip)
    if clip is None or plus is None:
        return None
    merged = _pointwise(graph, last, plus.inputs[0], "hardsigmoid")
    return substitute(graph, [plus, clip], {id(last): merged})


def _hard_swish(graph: Graph, last: Op) -> Graph | None:
    """x * relu6(x + 3) / 6"""
    product = only_producer(graph, last.inputs[0]) if _is_affine_by(graph, last, 1 / 6, 0.0) else None
    if not isinstance(product, Multiply) or product.activation is not None or not is_used_once(graph, product.output):
        return None
    for x, gate in (product.inputs, product.inputs[::-1]):
        clip = only_producer(graph, gate)
        plus = _plus_3_before(graph, clip)
        if clip is not None and plus is not None and plus.inputs == (x,):
            return substitute(graph, [plus, clip, product], {id(last): _pointwise(graph, last, x, "hardswish")})
    return None


def _gate(graph: Graph, product: Op) -> Graph | None:
    """x * sigmoid(x), x * hardsigmoid(x)"""
    if not isinstance(product, Multiply):
        return None
    for x, gate in (product.inputs, product.inputs[::-1]):
        function = only_producer(graph, gate)
        if function is None or not is_pointwise(graph, function) or function.inputs != (x,) or not is_used_once(graph, gate):
            continue
        if function.activation is not None and function.activation.kind in _GATED:
            merged = _pointwise(graph, product, x, _GATED[function.activation.kind])
            return substitute(graph, [function], {id(product): merged})
    return None


def _plus_3_before(graph: Graph, clip: Op | None) -> Op | None:
    """The op x + 3 before a relu6 that has one reader."""
    if clip is None or clip.activation != Activation("relu6") or not is_pointwise(graph, clip):
        return None
    plus = only_producer(graph, clip.inputs[0])
    alone = is_used_once(graph, clip.inputs[0]) and is_used_once(graph, clip.output)
    return plus if plus is not None and alone and _is_affine_by(graph, plus, 1.0, 3.0) else None


def _is_affine_by(graph: Graph, op: Op, scale: float, shift: float) -> bool:
    if not isinstance(op, DepthwiseConv2d) or not is_affine(graph, op) or op.activation is not None:
        return False
    return np.allclose(op.weight, scale, rtol=1e-6) and np.allclose(op.bias, shift, rtol=1e-6)


def _pointwise(graph: Graph, place: Op, source: str, kind: str) -> Op:
    shape = graph.tensors[place.output].shape
    strides = Strides(0, shape[1] * shape[2], shape[2], 1)
    view = View(shape, strides, strides)
    return Copy(name=place.name, inputs=(source,), output=place.output, activation=Activation(kind), view=view)
