"""Scale and zero point of every tensor: from its range, shared where an op copies bytes from one tensor to another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from freeml_pack.activations import clamp_bounds, inner_name
from freeml_pack.calibrate import Range
from freeml_pack.errors import PackError
from freeml_pack.graph import Copy, Graph, MaxPool2d, Quant, Quantize

_SHARE = 1.5  # tensors share a scale when the shared range is at most so much wider than their own: it costs log2 of it in bits
_SMALLEST_SCALE = 2.0**-60  # keeps every product of scales an ordinary float32


def quant_of_range(low: float, high: float) -> Quant:
    """Scale and zero point for -128..127 to cover low..high and zero; zero is exact, the scale a float32."""
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return Quant(1.0, 0)
    scale = float(np.float32(max((high - low) / 255.0, _SMALLEST_SCALE)))
    return Quant(scale, int(np.clip(np.rint(-128.0 - low / scale), -128, 127)))


def choose_quants(graph: Graph, ranges: Mapping[str, Range]) -> dict[str, Quant]:
    """By tensor name, and by `inner_name` of the ops with a look-up.

    A max-pool's input and output always share. Other copies share where it costs little precision; where it would cost
    more, they go through a look-up table, which converts the scale on the way."""
    names = [*graph.tensors, *(inner_name(op) for op in graph if inner_name(op) not in graph.tensors)]
    missing = [name for name in names if name not in ranges]
    if missing:
        raise PackError(f"the tensor {missing[0]} has no range: calibrate the graph that is quantized.")
    groups = _Groups({name: ranges[name] for name in names})
    for first, second in _forced(graph):
        groups.join(first, second)
    for op in graph:
        if isinstance(op, Copy) and clamp_bounds(op.activation) is not None:
            groups.join(op.inputs[0], op.output, _SHARE)
    return {name: quant_of_range(*groups.range(name)) for name in names}


def _forced(graph: Graph) -> list[tuple[str, str]]:
    pairs = [(op.inputs[0], inner_name(op)) for op in graph if isinstance(op, MaxPool2d)]
    if graph.sample.type is None:  # Python quantizes the sample once, whatever reads it
        readers = [inner_name(op) for op in graph if isinstance(op, Quantize)]
        pairs += [(readers[0], other) for other in readers[1:]]
    return pairs


class _Groups:
    """Union-find over names; a group's range is the union of its members'."""

    def __init__(self, ranges: dict[str, Range]) -> None:
        self._parent = {name: name for name in ranges}
        self._range = ranges

    def _root(self, name: str) -> str:
        while self._parent[name] != name:
            name = self._parent[name]
        return name

    def range(self, name: str) -> Range:
        return self._range[self._root(name)]

    def join(self, first: str, second: str, limit: float = np.inf) -> None:
        """Unless the joint range would be more than `limit` times as wide as either group's."""
        a, b = self._root(first), self._root(second)
        (low_a, high_a), (low_b, high_b) = self._range[a], self._range[b]
        low, high = min(low_a, low_b, 0.0), max(high_a, high_b, 0.0)
        narrowest = min(max(high_a, 0.0) - min(low_a, 0.0), max(high_b, 0.0) - min(low_b, 0.0))
        if a != b and high - low <= limit * narrowest:
            self._parent[b] = a
            self._range[a] = (low, high)
