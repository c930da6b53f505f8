"""How many bytes a search has for weights and for activations, learned from blobs that are built for the target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from freeml_pack.build import Built, build
from freeml_pack.compress.channels import ChannelGroups, remove_channels
from freeml_pack.compress.masks import NO_LAYERS, pruned_to
from freeml_pack.compress.shrink import Limits, least_channels, windows
from freeml_pack.compress.student import Coded
from freeml_pack.errors import PackError
from freeml_pack.graph import Graph
from freeml_pack.plan.allocate import allocate
from freeml_pack.targets import Target

_TRIES = 4  # to meet a size: the tiles that blocks of weights are cut in depend on the weights
# Bytes of RAM for each value of a window: four pixels take two bytes each, where the port takes them one by one, it takes one,
# and four channels have a code for it.
_WINDOW_BYTES, _ONE_WINDOW_BYTES = 10, 3
_DEAREST_BANDS = 0.1  # of the blob may be metadata of bands of rows, rather than that channels go


class Rooms:
    """x: float [N, *sample.shape], few samples: enough to learn a blob's size from."""

    def __init__(self, target: Target, x: Tensor) -> None:
        self._target, self._x = target, x
        self._without_weights: dict[tuple[str, ...], int] = {}

    def built(self, graph: Graph, roomy: bool = False) -> Built:
        """roomy: as if RAM and NVM had no limit, so that nothing is cut to fit into them."""
        target = replace(self._target, ram_bytes=None, nvm_bytes=None) if roomy else self._target
        return build(graph, self._x.numpy(), target)

    def check_memories(self, graph: Graph) -> None:
        """PackError where RAM or NVM is too small for the graph with as few channels and weights as are ever left."""
        groups = ChannelGroups(graph)
        least = remove_channels(graph, groups.keep(least_channels(groups)))
        costs = self.built(self.coded(pruned_to(least, 0, self._target, {}))).costs
        _refuse("nonvolatile memory for journal and activations", "another --target", costs.nvm, self._target.nvm_bytes)
        _refuse("RAM", "a larger --ram", costs.ram, self._target.ram_bytes)

    def for_weights(self, graph: Graph, size: int) -> int:
        """Bytes of the blob that a network of these operators has for its convolutions."""
        other = self._bytes_without_weights(graph)
        if other >= size:
            raise PackError(f"without any weights the blob still takes {other:,} bytes; ask for a larger --size")
        return size - other

    def _bytes_without_weights(self, graph: Graph) -> int:
        """Learned from one without channels."""
        operators = tuple(op.name for op in graph)
        if operators not in self._without_weights:
            groups = ChannelGroups(graph)
            smallest = remove_channels(graph, groups.keep(np.zeros(len(groups.removable), bool)))
            self._without_weights[operators] = self.built(smallest, roomy=True).other_bytes
        return self._without_weights[operators]

    def limits(self, graph: Graph, size: int) -> Limits:
        """What the channels of `graph` may take. Its tensors, the arena, by themselves: in the plan, where pools are part of
        convolutions, they take less. No limit where there is none, or where bands of rows keep to it: they cost no accuracy."""
        target, weights = self._target, self.for_weights(graph, size)
        coded = self.coded(pruned_to(graph, weights, target, {}))
        built = self.built(coded, roomy=True)
        if built.excess(target) > 0:
            banded = self.built(coded)
            dear = banded.other_bytes - built.other_bytes > _DEAREST_BANDS * size
            built = built if dear or _scratch_excess(banded, target) > 0 else banded
        arena = window = None
        if (excess := built.excess(target)) > 0:
            room = built.plan.arena_size - excess
            arena = max(1, round(room * allocate(graph)[2] / built.plan.arena_size))
        if (excess := _scratch_excess(built, target)) > 0:
            each = _WINDOW_BYTES if target.firmware is None else _ONE_WINDOW_BYTES
            window = max(1, max(windows(graph).values(), default=1) - excess // each)
        return Limits(weights, arena, window)

    def for_constants(self, graph: Graph, size: int, in_bytes: frozenset[str] = NO_LAYERS) -> tuple[int, dict[str, int]]:
        """Bytes for the constants of convolutions; and by op, how many channels of it lie together, both learned from the
        graph with so few weights that it fits about. in_bytes: see `Masks`."""
        pruned = pruned_to(graph, self.for_weights(graph, size), self._target, {}, in_bytes)
        built = self.built(self.coded(pruned, in_bytes))
        if built.other_bytes >= size:
            raise PackError(
                f"cut so that it fits the RAM, the network takes {built.other_bytes:,} bytes without any weights; "
                "ask for a larger --ram or --size"
            )
        if self._target.nvm_mapped:  # RAM holds no activations that could be fewer
            _refuse("RAM", "a larger --ram", built.costs.ram, self._target.ram_bytes)
        tiles = {op.name: plan.tile[2] for op, plan in zip(built.graph.ops, built.plan.ops, strict=True)}
        return size - built.other_bytes, tiles

    def pruned(self, graph: Graph, size: int, in_bytes: frozenset[str] = NO_LAYERS) -> Graph:
        """With zeros in place of the least weights, where a blob with their codes would take more than `size` bytes."""
        room, blocks = self.for_constants(graph, size, in_bytes)
        pruned = graph
        for _ in range(_TRIES):
            pruned = pruned_to(graph, room, self._target, blocks, in_bytes)
            excess = len(self.built(self.coded(pruned, in_bytes)).blob) - size
            if excess <= 0:
                break
            room -= excess
        return pruned

    def coded(self, graph: Graph, in_bytes: frozenset[str] = NO_LAYERS) -> Graph:
        """With the codes that training would begin with: a blob of the size that it will have."""
        return Coded(graph, self._x, self._target, in_bytes).to_graph()

    def layers_in_codes(self, graph: Graph) -> frozenset[str]:
        """Those that have fewer bytes with 4-bit codes than without, by the names of their outputs."""
        return Coded(graph, self._x, self._target).layers_in_codes

    def has_room_for(self, coded: Graph, size: int) -> bool:
        """Whether its blob takes no more than `size` bytes, and no more RAM than there is."""
        built = self.built(coded)
        return len(built.blob) <= size and _scratch_excess(built, self._target) <= 0


def _scratch_excess(built: Built, target: Target) -> int:
    """Bytes by which what steps work with is too large for RAM that holds no arena; 0 or less: it is not."""
    return built.costs.ram - target.ram_bytes if target.nvm_mapped and target.ram_bytes is not None else 0


def _refuse(memory: str, remedy: str, need: int, limit: int | None) -> None:
    """PackError where the network, as small as it may become, needs more than there is."""
    if limit is not None and need > limit:
        raise PackError(
            f"compressed as far as it can be, the network needs {need:,} bytes of {memory}, and there are {limit:,}; "
            f"ask for {remedy}"
        )
