"""Does the packed model fit its target?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from freeml_pack.encodings import CODES
from freeml_pack.errors import TooLargeError
from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph
from freeml_pack.plan import MemoryPlan
from freeml_pack.targets import Target


@dataclass(frozen=True)
class Costs:
    """Bytes that the device must have."""

    blob: int
    nvm: int  # journal and arena
    arena_ram: int  # 0 where the arena is used in NVM
    scratch: int
    metadata_ram: int  # 0 where the blob is memory-mapped

    @property
    def ram(self) -> int:
        return self.arena_ram + self.scratch + self.metadata_ram


def check_weights(graph: Graph, target: Target) -> None:
    """TooLargeError where the weights alone are more than the target's room for the blob: before they are quantized, which
    takes long for so many."""
    weights = {op.name: _least_bytes(op) for op in graph.ops if isinstance(op, Conv2d | DepthwiseConv2d)}
    if weights:
        largest = max(weights, key=lambda name: weights[name])
        size = next(op.weight.size for op in graph.ops if isinstance(op, Conv2d | DepthwiseConv2d) and op.name == largest)
        reason = f"the largest layer is {largest} with {size:,} weights"
        _check(target, "room for the blob", sum(weights.values()), target.flash_bytes, reason)


def _least_bytes(op: Conv2d | DepthwiseConv2d) -> int:
    """What the op's weights take at least: a byte each; zeros nothing, and few different values half of that, where a Conv2d's
    encoding may make it so."""
    if isinstance(op, DepthwiseConv2d) or op.groups > 1:
        return op.weight.size
    few_values = op.codebook is not None or len(np.unique(op.weight[0])) <= CODES
    return int(np.count_nonzero(op.weight)) // (2 if few_values else 1)


def check_fits(graph: Graph, plan: MemoryPlan, constant_bytes: tuple[int, ...], costs: Costs, target: Target) -> None:
    """TooLargeError where a memory of the target is too small; it names the layer that takes most.
    constant_bytes: of each op, as Graph.ops."""
    _check(target, "room for the blob", costs.blob, target.flash_bytes, _heaviest(graph, constant_bytes))
    _check(target, "nonvolatile memory", costs.nvm, target.nvm_bytes, _widest(graph, plan))
    arena_dominates = costs.arena_ram >= costs.scratch + costs.metadata_ram
    reason = _widest(graph, plan) if arena_dominates else f"scratch memory takes {costs.scratch:,} of them"
    _check(target, "RAM", costs.ram, target.ram_bytes, reason)


def _check(target: Target, memory: str, need: int, limit: int | None, reason: str) -> None:
    if limit is not None and need > limit:
        raise TooLargeError(
            f"the model needs {need:,} bytes of {memory}, {need - limit:,} more than the {limit:,} of target {target.name}; "
            f"{reason}; make the model smaller or choose another --target"
        )


def _heaviest(graph: Graph, constant_bytes: tuple[int, ...]) -> str:
    size, name = max((size, op.name) for op, size in zip(graph.ops, constant_bytes, strict=True))
    return f"the largest layer is {name} with {size:,} bytes of constants"


def _widest(graph: Graph, plan: MemoryPlan) -> str:
    """The op at which most bytes are in use."""
    blocks = (plan.sample, *plan.tensors.values())
    in_use = [sum(b.size for b in blocks if b.first_op <= i <= b.last_op) for i in range(len(graph.ops))]
    size, name = max(zip(in_use, (op.name for op in graph.ops), strict=True))
    return f"most is in use at layer {name}, where inputs and outputs take {size:,} bytes"
