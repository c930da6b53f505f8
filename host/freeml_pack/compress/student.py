"""What is trained in a search's stages, and what happens to graphs between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from freeml_pack.activations import preactivation
from freeml_pack.calibrate import calibrate
from freeml_pack.compress.channels import ChannelGroups
from freeml_pack.compress.codes import Bytes, Codes
from freeml_pack.compress.masks import NO_LAYERS, Masks
from freeml_pack.compress.network import Network
from freeml_pack.encode import best_encoding
from freeml_pack.encodings import CODED
from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph, Op, Quant
from freeml_pack.quantize.scales import choose_quants
from freeml_pack.targets import Target

_CALIBRATION = 256  # samples that activations' ranges are taken from


class Sparse(nn.Module):
    """A network with batch norms, and with masks that are all ones at first. target, blocks: see `Masks`."""

    def __init__(self, graph: Graph, x: Tensor, target: Target, blocks: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.network = Network(graph)
        self.network.normalise(x)
        self.masks = Masks(self.network, target, blocks or {})

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.network(x)
        return scores


class Coded(nn.Module):
    """A network whose weights and activations are those of the blob, but for their float form. in_bytes: layers, by the names
    of their outputs, whose weights are not coded."""

    def __init__(self, graph: Graph, x: Tensor, target: Target, in_bytes: frozenset[str] = NO_LAYERS) -> None:
        super().__init__()
        self.network = Network(graph)
        self.layers = list(self.network.layers)
        self.codes = nn.ModuleList(self._view(name, target, name not in in_bytes) for name in self.layers)
        for name, view in zip(self.layers, self.codes, strict=True):
            self.network.weight_views[name] = view
        self._quants = choose_quants(graph, calibrate(graph, x[:_CALIBRATION].numpy()).ranges)
        self.network.value_view = self._rounded

    @property
    def layers_in_codes(self) -> frozenset[str]:
        """By the names of their outputs."""
        return frozenset(name for name, view in zip(self.layers, self.codes, strict=True) if isinstance(view, Codes))

    def _view(self, name: str, target: Target, may_code: bool) -> nn.Module:
        weight = self.network.weight(name).detach()
        mask = (weight != 0).float()
        if isinstance(self.network.layers[name], DepthwiseConv2d) or self.network.groups(name) > 1:
            return Bytes(mask)
        encoding = best_encoding(mask.numpy().astype(np.int8), target, may_code=may_code)
        return Codes(weight, mask) if encoding in CODED else Bytes(mask)

    def _rounded(self, name: str, value: Tensor) -> Tensor:
        quant: Quant = self._quants[name]
        return torch.fake_quantize_per_tensor_affine(value, quant.scale, quant.zero_point, -128, 127)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.network(x)
        return scores

    def to_graph(self) -> Graph:
        """With codebooks, and with the very weights that they stand for."""
        graph = self.network.to_graph()
        books = {n: view.codebook() for n, view in zip(self.layers, self.codes, strict=True) if isinstance(view, Codes)}
        return graph.with_(ops=tuple(_with_codebook(op, books.get(op.output)) for op in graph))


def _with_codebook(op: Op, codebook: np.ndarray | None) -> Op:
    return op if codebook is None else replace(op, codebook=codebook)  # type: ignore[call-arg]


@torch.no_grad()
def channel_means(graph: Graph, x: Tensor) -> dict[str, np.ndarray]:
    """float64 [C] of each tensor over the samples x."""
    network, means = Network(graph), dict[str, np.ndarray]()

    def spy(name: str, value: Tensor) -> Tensor:
        means[name] = value.double().mean((0, 2, 3)).numpy()
        return value

    network.value_view = spy
    network(x)
    return {name: mean for name, mean in means.items() if not name.endswith(preactivation(""))}


def live_channels(graph: Graph) -> dict[str, np.ndarray]:
    """By tensor, bool [C]: without channels that carry nothing, be it that they are constant or that nobody reads them."""
    groups = ChannelGroups(graph)
    read, written, varying = (np.zeros(len(groups.removable), bool) for _ in range(3))
    for op in graph:
        if isinstance(op, Conv2d):
            here, there = groups.of[op.output], groups.of[op.inputs[0]]
            written[here] = True
            varying[here] |= (op.weight != 0).any(axis=(1, 2, 3))
            read[there] |= (op.weight != 0).any(axis=(0, 1, 2)) if op.groups == 1 else True
    return groups.keep(read & (varying | ~written))
