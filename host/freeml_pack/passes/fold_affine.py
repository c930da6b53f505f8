"""Folds scales and shifts per channel (batch norm, normalisation, multiplication by constants) into convolutions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph, Op
from freeml_pack.rewrite import is_affine, is_used_once, only_producer, substitute

Convolution = Conv2d | DepthwiseConv2d


def fold_affine(graph: Graph) -> Graph:
    """Into the convolution or linear layer before, where nothing else reads that one's output; else into the one after,
    where no padding would have to become something else than zero."""
    while True:
        folded = _fold_one(graph)
        if folded is None:
            return graph
        graph = folded


def _fold_one(graph: Graph) -> Graph | None:
    for op in graph:
        if is_affine(graph, op):
            assert isinstance(op, DepthwiseConv2d)
            folded = _fold_backward(graph, op) or _fold_forward(graph, op)
            if folded is not None:
                return folded
    return None


def _fold_backward(graph: Graph, affine: DepthwiseConv2d) -> Graph | None:
    before = only_producer(graph, affine.inputs[0])
    if not isinstance(before, Convolution) or before.activation is not None or not is_used_once(graph, affine.inputs[0]):
        return None
    scale = affine.weight.reshape(-1).astype(np.float64)
    weight = before.weight * scale.reshape((-1,) + (1,) * (before.weight.ndim - 1))
    bias = before.bias * scale + affine.bias
    merged = _with_constants(before, weight, bias)
    merged = replace(merged, output=affine.output, activation=affine.activation)
    return substitute(graph, [affine], {id(before): merged})


def _fold_forward(graph: Graph, affine: DepthwiseConv2d) -> Graph | None:
    if affine.activation is not None or not is_used_once(graph, affine.output):
        return None
    after = graph.consumers(affine.output)[0]
    if not isinstance(after, Convolution) or (any(after.window.padding) and affine.bias.any()):
        return None
    scale, shift = (_per_input(constant.reshape(-1).astype(np.float64), after) for constant in (affine.weight, affine.bias))
    bias = after.bias + (after.weight * shift).reshape(len(after.bias), -1).sum(axis=1)
    merged = replace(_with_constants(after, after.weight * scale, bias), inputs=affine.inputs)
    if isinstance(merged, Conv2d):
        merged = replace(merged, codebook=None)  # its values are no longer those of an output channel
    return substitute(graph, [affine], {id(after): merged})


def _per_input(constant: np.ndarray, after: Convolution) -> np.ndarray:
    """[input channels] -> broadcasts to after's weights."""
    outputs = len(after.bias)
    if isinstance(after, DepthwiseConv2d):
        return np.repeat(constant, outputs // len(constant))[:, None, None]
    per_group = constant.reshape(after.groups, -1)
    return np.repeat(per_group, outputs // after.groups, axis=0)[:, None, None, :]


def _with_constants(op: Op, weight: np.ndarray, bias: np.ndarray) -> Op:
    return replace(op, weight=weight.astype(np.float32), bias=bias.astype(np.float32))  # type: ignore[call-arg]
