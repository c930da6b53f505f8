"""Which channels go: those whose loss costs least per byte that they take.

What a channel's loss costs is estimated to first order from gradients (Molchanov et al., "Importance Estimation for Neural
Network Pruning", 2019), on the gate that its batch norm is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor
from torch.nn import functional

from freeml_pack.compress.channels import ChannelGroups
from freeml_pack.compress.network import Network
from freeml_pack.encodings import CHANNEL_BYTES
from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph
from freeml_pack.plan.allocate import allocate
from freeml_pack.plan.types import bytes_in_use

_DENSITY = 0.3  # of the weights that remain: sparser networks pay for channels that hardly do anything
_COUNT_BYTES = 2  # per channel of a sparse layer
_LEAST_SHARE = 1 / 8  # of a tensor's channels that stay
_MICRO_BATCH = 16


@dataclass(frozen=True)
class Limits:
    """weights: bytes of the convolutions' constants; arena: bytes; window: values that a convolution's window covers, where
    it has to be gathered. None: no limit."""

    weights: int
    arena: int | None = None
    window: int | None = None


def group_scores(network: Network, groups: ChannelGroups, x: Tensor, labels: Tensor) -> np.ndarray:
    """float64 [groups]: how much the loss changes without each, squared, in sum over small batches."""
    network.eval()
    scores = np.zeros(len(groups.removable))
    for part, truth in zip(x.split(_MICRO_BATCH), labels.split(_MICRO_BATCH), strict=True):
        answers = network(part)
        if answers.shape[1] > 1:
            loss = functional.cross_entropy(answers, truth)
        else:
            loss = functional.binary_cross_entropy_with_logits(answers[:, 0], truth.float())
        network.zero_grad()
        loss.backward()
        for layer, norm in network.norms():
            assert norm.weight.grad is not None
            assert norm.bias.grad is not None
            change = norm.weight * norm.weight.grad + norm.bias * norm.bias.grad
            np.add.at(scores, groups.of[layer], change.detach().double().square().numpy())
    return scores


def choose_channels(graph: Graph, scores: np.ndarray, groups: ChannelGroups, limits: Limits) -> np.ndarray:
    """bool [groups], which stay, so that the limits are met if layers then have the density that suits them."""
    kept = np.ones(len(scores), bool)
    priority = scores / np.maximum(_group_bytes(graph, groups), 1e-9)
    for group in np.argsort(priority, kind="stable"):
        if not groups.removable[group] or _is_last(groups, kept, group):
            continue
        over_weights = _weight_bytes(graph, groups, kept) > limits.weights
        tensors = _peak_tensors(graph, groups, kept, limits.arena) + _too_deep(graph, groups, kept, limits.window)
        if not over_weights and not tensors:
            break
        if over_weights or any((groups.of[name] == group).any() for name in tensors):
            kept[group] = False
    return kept


def least_channels(groups: ChannelGroups) -> np.ndarray:
    """bool [groups]: as few as are ever left."""
    kept = np.ones(len(groups.removable), bool)
    for group in np.flatnonzero(groups.removable).tolist():
        kept[group] = _is_last(groups, kept, group)
    return kept


def _is_last(groups: ChannelGroups, kept: np.ndarray, group: int) -> bool:
    """Whether some tensor needs it."""
    touched = (ids for ids in groups.of.values() if (ids == group).any())
    return any(kept[ids].sum() - (ids == group).sum() < max(1, _LEAST_SHARE * len(ids)) for ids in touched)


def _layers(graph: Graph) -> list[Conv2d | DepthwiseConv2d]:
    return [op for op in graph if isinstance(op, Conv2d | DepthwiseConv2d)]


def weight_bytes(graph: Graph) -> float:
    """Constants of all convolutions, at the density that suits."""
    groups = ChannelGroups(graph)
    return _weight_bytes(graph, groups, np.ones(len(groups.removable), bool))


def _weight_bytes(graph: Graph, groups: ChannelGroups, kept: np.ndarray) -> float:
    total = 0.0
    for op in _layers(graph):
        out, taps = int(kept[groups.of[op.output]].sum()), int(np.prod(op.window.kernel))
        inputs = int(kept[groups.of[op.inputs[0]]].sum()) // op.groups if isinstance(op, Conv2d) else 1
        density = _DENSITY if isinstance(op, Conv2d) else 1.0
        total += out * (CHANNEL_BYTES + _COUNT_BYTES + density * taps * inputs)
    return total


def _group_bytes(graph: Graph, groups: ChannelGroups) -> np.ndarray:
    """float64 [groups]: bytes that go with each."""
    result = np.zeros(len(groups.removable))
    for op in _layers(graph):
        taps = op.weight[0].size
        density = _DENSITY if isinstance(op, Conv2d) else 1.0
        np.add.at(result, groups.of[op.output], CHANNEL_BYTES + _COUNT_BYTES + density * taps)
        if isinstance(op, Conv2d) and op.groups == 1:
            np.add.at(result, groups.of[op.inputs[0]], density * op.weight[..., 0].size)
    return result


def _peak_tensors(graph: Graph, groups: ChannelGroups, kept: np.ndarray, limit: int | None) -> list[str]:
    """Tensors in use where the arena is fullest; none where it is within the limit."""
    if limit is None:
        return []
    shapes = {
        name: replace(t, shape=(*t.shape[:2], max(1, int(kept[groups.of[name]].sum())))) for name, t in graph.tensors.items()
    }
    tensors, sample, size = allocate(graph.with_(tensors=shapes))
    if size <= limit:
        return []
    worst = int(np.argmax(bytes_in_use((sample, *tensors.values()), len(graph.ops))))
    return [name for name, block in tensors.items() if block.first_op <= worst <= block.last_op]


def windows(graph: Graph) -> dict[str, int]:
    """By convolution's output, the values that its window covers; without those that need not be gathered, as they are what
    lies at one place or all there is."""
    return {
        op.output: op.weight[0].size
        for op in graph
        if isinstance(op, Conv2d) and op.window.kernel not in ((1, 1), graph.tensors[op.inputs[0]].shape[:2])
    }


def _too_deep(graph: Graph, groups: ChannelGroups, kept: np.ndarray, limit: int | None) -> list[str]:
    """Tensors of which convolutions' windows cover more than the limit."""
    if limit is None:
        return []
    deep = windows(graph)
    gathered = {op.inputs[0]: op for op in graph if isinstance(op, Conv2d) and op.output in deep}
    left = {name: int(kept[groups.of[name]].sum()) * int(np.prod(op.window.kernel)) for name, op in gathered.items()}
    return [name for name, op in gathered.items() if op.groups == 1 and left[name] > limit]
