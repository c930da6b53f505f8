"""Which encoding each layer's weights get: the smallest one."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from freeml_pack.encodings import CODED, can_encode, encoded_size, entry_counts, products
from freeml_pack.graph import Conv2d, Encoding, Graph, Op
from freeml_pack.targets import Target

__all__ = ["best_encoding", "choose_encoding", "encoded_size"]

_NEAR = 1.05  # times the fewest bytes: so much more may be worth fewer cycles
_NARROWEST = 4  # channels of a tile; each block has its own codebook and an entry in the directory


def choose_encoding(graph: Graph, target: Target) -> Graph:
    """Each Conv2d of an int8 graph with the encoding that takes fewest bytes; of those within 5% of that, with the one that
    takes fewest cycles on the target. Nothing is lost: the weights stay what they are. However a plan cuts the layer, it is
    never larger than with DENSE_8, but for a directory where OFFSET_8 is faster. DENSE_8 also stays where groups > 1."""
    return graph.with_(ops=tuple(_encoded(graph, op, target) for op in graph))


def _encoded(graph: Graph, op: Op, target: Target) -> Op:
    if not isinstance(op, Conv2d) or op.groups > 1:
        return op
    assert op.q is not None, "the graph is not quantized"
    assert op.q.weight is not None
    pixels = prod(graph.tensors[op.output].shape[:2]) * prod(op.pool)
    return replace(op, encoding=best_encoding(op.q.weight, target, pixels=pixels))


def best_encoding(weight: np.ndarray, target: Target, *, pixels: int = 2, may_code: bool = True) -> Encoding:
    """For int8 weights [out, ...] of a layer with so many pixels; see `choose_encoding`. may_code: whether codes may stand for
    weights."""
    out = len(weight)
    allowed = [encoding for encoding in Encoding if may_code or encoding not in CODED]
    fitting = [encoding for encoding in allowed if can_encode(weight, encoding) and _never_larger(weight, encoding)]
    sizes = {encoding: encoded_size(weight, encoding, out) for encoding in fitting}
    near = [encoding for encoding in fitting if sizes[encoding] <= _NEAR * min(sizes.values())]
    return min(near, key=lambda encoding: (_cost(weight, encoding, target, pixels), sizes[encoding]))


def _never_larger(weight: np.ndarray, encoding: Encoding) -> bool:
    """Than with DENSE_8, in any plan, or by the directory alone."""
    narrowest = min(len(weight), _NARROWEST)
    return encoding == Encoding.OFFSET_8 or encoded_size(weight, encoding, narrowest) <= encoded_size(
        weight, Encoding.DENSE_8, len(weight)
    )


def _cost(weight: np.ndarray, encoding: Encoding, target: Target, pixels: int) -> float:
    """Of one pixel, in multiply-accumulates of a dense layer."""
    counts = entry_counts(weight, encoding)
    return float(products(len(weight), weight[0].size, encoding, counts).sum()) * target.encoded_factor(encoding, pixels)
