"""How many bytes a search has for weights and for activations, learned from blobs that are built for the target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from freeml_pack.build import Built, build
from freeml_pack.compress.channels import ChannelGroups, remove_channels
from freeml_pack.compress.masks import pruned_to
from freeml_pack.compress.shrink import least_channels
from freeml_pack.compress.student import Coded
from freeml_pack.errors import PackError
from freeml_pack.graph import Graph
from freeml_pack.plan.allocate import allocate
from freeml_pack.targets import Target

_TRIES = 4  # to meet a size: the tiles that blocks of weights are cut in depend on the weights
_DEAREST_BANDS = 0.1  # of the blob may be metadata of bands of rows, rather than that channels go


class Rooms:
    """x: float [N, *sample.shape], few samples: enough to learn a blob's size from."""

    def __init__(self, target: Target, x: Tensor) -> None:
        self._target, self._x = target, x

    def built(self, graph: Graph, roomy: bool = False) -> Built:
        """roomy: as if RAM and NVM had no limit, so that nothing is cut to fit into them."""
        target = replace(self._target, ram_bytes=None, nvm_bytes=None) if roomy else self._target
        return build(graph, self._x.numpy(), target)

    def check_memories(self, graph: Graph) -> None:
        """PackError where RAM or NVM is too small for the graph with as few channels and weights as are ever left."""
        groups = ChannelGroups(graph)
        least = remove_channels(graph, groups.keep(least_channels(groups)))
        costs = self.built(self._coded(pruned_to(least, 0, self._target, {}))).costs
        _refuse("nonvolatile memory for journal and activations", "another --target", costs.nvm, self._target.nvm_bytes)
        _refuse("RAM", "a larger --ram", costs.ram, self._target.ram_bytes)

    def for_weights(self, graph: Graph, size: int) -> int:
        """Bytes of the blob that a network of these operators has for its convolutions, learned from one without channels."""
        groups = ChannelGroups(graph)
        smallest = remove_channels(graph, groups.keep(np.zeros(len(groups.removable), bool)))
        other = self.built(smallest, roomy=True).other_bytes
        if other >= size:
            raise PackError(f"without any weights the blob still takes {other:,} bytes; ask for a larger --size")
        return size - other

    def for_arena(self, graph: Graph, size: int) -> int | None:
        """Bytes that the tensors of `graph` may take by themselves: in the plan, where pools are part of convolutions, they
        take less. None: the target sets no limit, or layers in bands of rows keep to it, which costs no accuracy."""
        target = self._target
        if target.nvm_bytes is None and (target.ram_bytes is None or target.nvm_mapped):
            return None
        coded = self._coded(pruned_to(graph, self.for_weights(graph, size), target, {}))
        built, whole = self.built(coded), self.built(coded, roomy=True)
        dear = built.other_bytes - whole.other_bytes > _DEAREST_BANDS * size
        if dear or (target.ram_bytes is not None and target.nvm_mapped and built.costs.ram > target.ram_bytes):
            built = whole
        excess = built.excess(target)
        if excess <= 0:
            return None
        room = built.plan.arena_size - excess
        return max(1, round(room * allocate(graph)[2] / built.plan.arena_size))

    def for_constants(self, graph: Graph, size: int) -> tuple[int, dict[str, int]]:
        """Bytes for the constants of convolutions; and by op, how many channels of it lie together, both learned from the
        graph with so few weights that it fits about."""
        built = self.built(self._coded(pruned_to(graph, self.for_weights(graph, size), self._target, {})))
        if built.other_bytes >= size:
            raise PackError(
                f"cut so that it fits the RAM, the network takes {built.other_bytes:,} bytes without any weights; "
                "ask for a larger --ram or --size"
            )
        if self._target.nvm_mapped:  # RAM holds no activations that could be fewer
            _refuse("RAM", "a larger --ram", built.costs.ram, self._target.ram_bytes)
        tiles = {op.name: plan.tile[2] for op, plan in zip(built.graph.ops, built.plan.ops, strict=True)}
        return size - built.other_bytes, tiles

    def pruned(self, graph: Graph, size: int) -> Graph:
        """With zeros in place of the least weights, where a blob with their codes would take more than `size` bytes."""
        room, blocks = self.for_constants(graph, size)
        pruned = graph
        for _ in range(_TRIES):
            pruned = pruned_to(graph, room, self._target, blocks)
            excess = len(self.built(self._coded(pruned)).blob) - size
            if excess <= 0:
                break
            room -= excess
        return pruned

    def _coded(self, graph: Graph) -> Graph:
        """With the codes that training would begin with: a blob of the size that it will have."""
        return Coded(graph, self._x, self._target).to_graph()


def _refuse(memory: str, remedy: str, need: int, limit: int | None) -> None:
    """PackError where the network, as small as it may become, needs more than there is."""
    if limit is not None and need > limit:
        raise PackError(
            f"compressed as far as it can be, the network needs {need:,} bytes of {memory}, and there are {limit:,}; "
            f"ask for {remedy}"
        )
