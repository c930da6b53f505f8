"""Sparsity in training: which weights of a network are zero, decided again and again while it learns.

Weights that are masked go on learning (straight-through gradients, as in Guo et al., "Dynamic Network Surgery", 2016), so one
that turns out to matter comes back. Weights of all layers compete by LAMP scores (Lee et al., "Layer-adaptive Sparsity for the
Magnitude-based Pruning", 2021): a weight's square as a share of all squares in its layer that are no smaller. Of the scores
tried (magnitude, plain and normalised, and Fisher information, per weight and per layer) it alone never starved a layer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from freeml_pack.compress.network import Network
from freeml_pack.encode import best_encoding, encoded_size
from freeml_pack.graph import Conv2d, Encoding, Graph
from freeml_pack.targets import Target

NO_LAYERS: frozenset[str] = frozenset()
_TRIALS = 24  # halvings of the search for the threshold


class Masks(nn.Module):
    """One mask per convolution or linear layer of a network, in force from the beginning; all ones then. blocks: by op, how
    many output channels lie together in the blob, for the sizes of layers on the target; in_bytes: layers whose weights are not
    coded, by the names of their outputs."""

    def __init__(
        self, network: Network, target: Target, blocks: Mapping[str, int], in_bytes: frozenset[str] = NO_LAYERS
    ) -> None:
        super().__init__()
        self._target, self._blocks, self._in_bytes = target, blocks, in_bytes
        self._network = [network]  # in a list: the network is not part of this module
        self.layers = [name for name, op in network.layers.items() if isinstance(op, Conv2d)]
        for index, name in enumerate(self.layers):
            self.register_buffer(f"mask{index}", torch.ones_like(network.weight(name)))
            network.weight_views[name] = partial(self._masked, name)

    def _masked(self, layer: str, weight: Tensor) -> Tensor:
        return weight + (weight * self.of(layer) - weight).detach()

    def of(self, layer: str) -> Tensor:
        """As the layer's weight, of 0 and 1."""
        mask: Tensor = getattr(self, f"mask{self.layers.index(layer)}")
        return mask

    def bytes(self) -> int:
        """Of all layers' constants, each in its best encoding, as if the weights that may be coded were."""
        return sum(self._layer_bytes(layer) for layer in self.layers)

    def _layer_bytes(self, layer: str) -> int:
        weight: np.ndarray = self.of(layer).numpy().astype(np.int8)
        groups = self._network[0].groups(layer)
        if groups > 1:
            return encoded_size(weight, Encoding.DENSE_8, len(weight) // groups)
        encoding = best_encoding(weight, self._target, may_code=layer not in self._in_bytes)
        return encoded_size(weight, encoding, self._blocks.get(self._network[0].layers[layer].name, len(weight)))

    @torch.no_grad()
    def keep(self, count: int) -> None:
        """Keeps so many weights."""
        scores = self._scores()
        flat = torch.cat([score.flatten() for score in scores])
        threshold = flat.sort(descending=True).values[min(count, len(flat)) - 1]
        for layer, score in zip(self.layers, scores, strict=True):
            self.of(layer).copy_(score >= threshold)

    def fit(self, size: int) -> int:
        """Keeps as many weights as `size` bytes hold, or one; how many."""
        low, high = 1, sum(self.of(layer).numel() for layer in self.layers)
        for _ in range(_TRIALS):
            middle = (low + high + 1) // 2
            self.keep(middle)
            low, high = (middle, high) if self.bytes() <= size else (low, middle - 1)
            if low >= high:
                break
        self.keep(low)
        return low

    @property
    def kept(self) -> int:
        """Weights that are not zero, masked or not."""
        return sum(int((self._network[0].weight(layer) != 0).sum()) for layer in self.layers)

    def _scores(self) -> list[Tensor]:
        return [_lamp(self._network[0].weight(layer).detach()) for layer in self.layers]


def pruned_to(
    graph: Graph, size: int, target: Target, blocks: Mapping[str, int], in_bytes: frozenset[str] = NO_LAYERS
) -> Graph:
    """With zeros in place of the least weights, where the constants of convolutions would take more than `size` bytes."""
    network = Network(graph)
    masks = Masks(network, target, blocks, in_bytes)
    for layer in masks.layers:
        masks.of(layer).copy_(network.weight(layer).detach() != 0)
    if masks.bytes() > size:
        masks.fit(size)
    return network.to_graph()


def _lamp(weight: Tensor) -> Tensor:
    squares = weight.flatten().double().square()
    order = squares.argsort(descending=True, stable=True)
    scores = torch.empty_like(squares)
    scores[order] = squares[order] / squares[order].cumsum(0).clamp(min=1e-30)
    return scores.reshape(weight.shape)
