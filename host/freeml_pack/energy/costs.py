"""What a blob's steps and commits cost on a target: prices of plan/cost.py, asked for the plan that the blob itself holds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from freeml_schema.journal import ARENA_OFFSET

from freeml_pack.energy.weights import stored_weight
from freeml_pack.graph import (
    Add,
    AveragePool2d,
    Conv2d,
    Copy,
    DepthwiseConv2d,
    Fill,
    Graph,
    MaxPool2d,
    Multiply,
    Op,
    OpQuant,
    Quantize,
    Sample,
    Tensor,
    Window,
)
from freeml_pack.inspection.network import Network, NetworkOp
from freeml_pack.plan.cost import CostModel
from freeml_pack.plan.intervals import START_COMMITS
from freeml_pack.targets import Target

_SIMPLE: dict[str, type[Op]] = {"ADD": Add, "MULTIPLY": Multiply, "FILL": Fill}
_LOOKUP = np.zeros(256, np.int8)


@dataclass(frozen=True, eq=False)
class PlanPrices:
    """Joules. Steps are numbered through the whole inference."""

    boot: float  # from power-on to the first step, at most
    start: float  # commits a sample
    commit: float
    work: np.ndarray  # float64 [steps]: of each step, the constants that it loads included, without a commit after it
    reload: np.ndarray  # float64 [steps]: in addition, of a step that is the first one after power-on
    commits: np.ndarray  # bool [steps]: a commit follows

    @cached_property
    def inference(self) -> float:
        """Without power failures."""
        return self.start + float(self.work.sum()) + self.commit * int(self.commits.sum())


def plan_prices(blob: bytes, network: Network, target: Target, active_watts: float) -> PlanPrices:
    """network: of the blob. active_watts turns seconds into joules where the target's prices are seconds."""
    target = target.mapping(len(blob) + ARENA_OFFSET + network.arena_size)
    graph = _priced_graph(blob, network)
    costs = CostModel(graph, target, network.arena_size)
    joules = 1.0 if target.prices.unit == "J" else active_watts
    work, reload = [], []
    for op, found in zip(graph.ops, network.ops, strict=True):
        load, begins = costs.load(op, found.plan.tile), _begins_block(found)
        work.append(costs.each_step(op, found.plan.tile) + load * begins)
        reload.append(load * ~begins)
    return PlanPrices(
        boot=joules * costs.recovery,
        start=joules * START_COMMITS * target.prices.commit,
        commit=joules * target.prices.commit,
        work=joules * np.concatenate(work),
        reload=joules * np.concatenate(reload),
        commits=np.concatenate([op.step_commits() for op in network.ops]),
    )


def _begins_block(op: NetworkOp) -> np.ndarray:
    """bool [steps]: the first step of a channel block."""
    blocks = -(-op.space[2] // op.plan.tile[2])
    return np.arange(op.steps) % (op.steps // blocks) == 0


def _priced_graph(blob: bytes, network: Network) -> Graph:
    """A graph of what prices depend on: shapes, and weights that are encoded. Other weights are zeros that take no memory."""
    tensors = {str(index): Tensor(str(index), tensor.shape) for index, tensor in enumerate(network.tensors)}
    ops = tuple(_priced_op(op, stored_weight(blob, index, op)) for index, op in enumerate(network.ops))
    return Graph(network.name, Sample(network.sample_shape, network.sample_type), ops, tensors, str(network.output))


def _priced_op(op: NetworkOp, weight: np.ndarray | None) -> Op:
    """weight: int8 [out, height, width, in], where it is encoded."""
    common: dict[str, Any] = {
        "name": op.name,
        "inputs": tuple(map(str, op.inputs)),
        "output": str(op.output),
        "q": OpQuant(lookup=_LOOKUP if op.lookup else None, weight=weight),
    }
    if op.view is not None:
        return (Quantize if op.kind == "QUANTIZE" else Copy)(**common, view=op.view)
    if op.window is None:
        return _SIMPLE[op.kind](**common)
    window = Window(op.window.kernel, op.window.stride, op.window.dilation, (*op.window.padding, *op.window.padding))
    if op.kind == "MAX_POOL_2D":
        return MaxPool2d(**common, window=window)
    if op.kind == "AVERAGE_POOL_2D":
        return AveragePool2d(**common, window=window, adaptive=op.adaptive)
    out, bias = op.space[2], _zeros(op.space[2])
    if op.kind == "DEPTHWISE_CONV_2D":
        return DepthwiseConv2d(**common, window=window, weight=_zeros(out, *window.kernel), bias=bias)
    begin, end = op.window.channels
    groups = op.window.groups
    return Conv2d(
        **common,
        window=window,
        weight=_zeros(out, *window.kernel, (end - begin) // groups),
        bias=bias,
        groups=groups,
        encoding=op.encoding,
        pool=op.window.pool,
        sums_out=op.sums_out,
    )


def _zeros(*shape: int) -> np.ndarray:
    return np.broadcast_to(np.float32(0), shape)
