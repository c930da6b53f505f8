"""The shared exit head in integers (schema/SPEC.md, "Exits"): ops behind each of its sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from freeml_pack.exit_head import Depth
from freeml_pack.graph import SUM_BYTES, AveragePool2d, Conv2d, Exit, Graph, Op, OpQuant, Quant, Requant, Tensor, Window
from freeml_pack.quantize.convert import average_requant
from freeml_pack.quantize.requant import requantization
from freeml_pack.quantize.rounding import round_weights
from freeml_pack.quantize.scales import quant_of_range

_SUMS = Quant(1.0, 0)


def add_exits(graph: Graph, head: Sequence[Depth]) -> Graph:
    """An int8 graph with an exit for each depth, in the order of their sources. All weights of a class are in one unit, that of
    its sum, so that the sums of several depths add up."""
    return _Exits(graph, head).graph() if head else graph


class _Exits:
    def __init__(self, graph: Graph, head: Sequence[Depth]) -> None:
        self._graph, self._head = graph, head
        self._tensors = dict(graph.tensors)
        self._quants = [self._feature_quant(depth) for depth in head]
        largest = [
            np.abs(d.weight).reshape(len(d.weight), -1).max(1) * q.scale for d, q in zip(head, self._quants, strict=True)
        ]
        self._unit = np.maximum(np.max(largest, axis=0), 1e-30) / 127.0  # float64 [classes], of a sum
        self._bound = np.zeros(len(self._unit))  # of the sums so far

    def _is_pooled(self, depth: Depth) -> bool:
        return self._graph.tensors[depth.source].shape[:2] != depth.pool

    def _feature_quant(self, depth: Depth) -> Quant:
        own = self._graph.tensors[depth.source].quant
        assert own is not None, "exits are added to an int8 graph"
        return quant_of_range(*depth.feature_range) if self._is_pooled(depth) else own

    def graph(self) -> Graph:
        behind: dict[int, list[Op]] = {}
        exits = []
        sums: str | None = None
        for number, (depth, quant) in enumerate(zip(self._head, self._quants, strict=True), 1):
            ops = behind.setdefault(self._graph.last_write(depth.source), [])
            features = depth.source
            if self._is_pooled(depth):
                ops.append(self._pool(number, depth, quant))
                features = ops[-1].output
            ops.append(self._sum(number, depth, quant, features, sums))
            sums = ops[-1].output
            ops.append(self._score(number, depth, features, sums))
            exits.append(Exit(ops[-1].output))
        ops = [made for index, op in enumerate(self._graph) for made in (op, *behind.get(index, ()))]
        return self._graph.with_(ops=tuple(ops), tensors=self._tensors, exits=tuple(exits))

    def _tensor(self, name: str, shape: tuple[int, int, int], quant: Quant) -> str:
        self._tensors[name] = Tensor(name, shape, quant)
        return name

    def _pool(self, number: int, depth: Depth, quant: Quant) -> Op:
        source = self._graph.tensors[depth.source]
        assert source.quant is not None
        output = self._tensor(f"exit{number}/features", (*depth.pool, source.shape[2]), quant)
        op = AveragePool2d(
            name=f"exit {number}, pool", inputs=(depth.source,), output=output, window=Window((1, 1)), adaptive=True
        )
        requant = average_requant(source.shape, (*depth.pool, source.shape[2]), op, source.quant, quant)
        return replace(op, q=OpQuant(requant=requant))

    def _sum(self, number: int, depth: Depth, quant: Quant, features: str, sums: str | None) -> Op:
        classes = len(depth.weight)
        flat = depth.weight.reshape(classes, -1).astype(np.float64)
        scale = self._unit / quant.scale
        integers, correction = round_weights(flat, np.zeros(classes), scale, depth.moments[None].astype(np.float64))
        bias = np.rint(correction / self._unit) - quant.zero_point * integers.sum(1)
        self._bound += np.abs(bias) + 128.0 * np.abs(integers).sum(1)
        none = Requant(np.zeros(classes, np.int32), np.ones(classes, np.int32))
        q = OpQuant(
            weight=integers.astype(np.int8).reshape(depth.weight.shape),
            weight_scale=scale,
            bias=bias.astype(np.int32),
            requant=none,
        )
        return Conv2d(
            name=f"exit {number}, sum",
            inputs=(features,) if sums is None else (features, sums),
            output=self._tensor(f"exit{number}/sums", (1, 1, SUM_BYTES * classes), _SUMS),
            q=q,
            window=Window(depth.pool),
            weight=depth.weight,
            bias=np.zeros(classes, np.float32),
            sums_out=True,
        )

    def _score(self, number: int, depth: Depth, features: str, sums: str) -> Op:
        classes = len(depth.weight)
        quant = quant_of_range(*depth.score_range)
        bias = np.rint(depth.bias / (depth.scale * self._unit))
        requant = requantization(depth.scale * self._unit / quant.scale, self._bound + np.abs(bias))
        zeros = np.zeros((classes, 1, 1, 1))
        q = OpQuant(weight=zeros.astype(np.int8), weight_scale=self._unit, bias=bias.astype(np.int32), requant=requant)
        return Conv2d(
            name=f"exit {number}, scores",
            inputs=(features, sums),
            output=self._tensor(f"exit{number}/scores", (1, 1, classes), quant),
            q=q,
            window=Window((1, 1)),
            weight=zeros.astype(np.float32),
            bias=depth.bias,
            channel_range=(0, 1),
        )
