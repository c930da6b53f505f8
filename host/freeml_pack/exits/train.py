"""Trains the head on features that were computed before; the network stays as it is.

All depths are trained in each step, each on the labels and on the network's own scores (Hinton et al., "Distilling the
Knowledge in a Neural Network", 2015)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from freeml_pack.calibrate import Progress
from freeml_pack.exit_head import Depth
from freeml_pack.exits.choose import Place
from freeml_pack.exits.features import Seen
from freeml_pack.graph import Graph

_EPOCHS = 40
_BATCH = 256
_RATE = 5e-3
_DECAY = 1e-3
_SOFTNESS, _TRUST = 2.0, 0.5  # of the network's scores: temperature, share of the loss


class Head(nn.Module):
    """Features of each depth, standardised -> scores [N, depths, classes]."""

    def __init__(self, sizes: Sequence[int], classes: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.zeros(classes, size)) for size in sizes)
        self.gains = nn.Parameter(torch.zeros(len(sizes)))  # logarithms: the scales stay positive
        self.biases = nn.Parameter(torch.zeros(len(sizes), classes))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        terms = [functional.linear(x, weight) for x, weight in zip(features, self.weights, strict=True)]
        sums = torch.stack(terms, 1).cumsum(1)
        scores: Tensor = sums * self.gains.exp()[:, None] + self.biases
        return scores


def train(
    graph: Graph, places: Sequence[Place], seen: Seen, seed: int = 0, progress: Progress | None = None
) -> tuple[Depth, ...]:
    """The head, from the samples seen. Deterministic."""
    torch.manual_seed(seed)
    means = [x.mean(0) for x in seen.features]
    deviations = [x.std(0) + 0.1 * x.std() + 1e-6 for x in seen.features]
    features = [(x - mean) / deviation for x, mean, deviation in zip(seen.features, means, deviations, strict=True)]
    head = Head([x.shape[1] for x in features], seen.scores.shape[1])
    _fit(head, features, seen, seed, progress)
    return tuple(_depths(graph, places, head, seen, means, deviations))


def _fit(head: Head, features: list[Tensor], seen: Seen, seed: int, progress: Progress | None) -> None:
    optimizer = torch.optim.AdamW(head.parameters(), lr=_RATE, weight_decay=_DECAY)
    generator = torch.Generator().manual_seed(seed)
    count = len(seen.labels)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _EPOCHS * -(-count // _BATCH))
    for epoch in range(_EPOCHS):
        for chosen in torch.randperm(count, generator=generator).split(_BATCH):
            scores = head([x[chosen] for x in features])
            loss = _loss(scores, seen.scores[chosen], seen.labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        if progress is not None:
            progress(epoch + 1, _EPOCHS)


def _loss(scores: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
    """Mean over the depths. scores: [N, depths, classes]"""
    depths = scores.shape[1]
    hard = functional.cross_entropy(scores.flatten(0, 1), labels.repeat_interleave(depths))
    goal = functional.softmax(teacher / _SOFTNESS, 1).repeat_interleave(depths, 0)
    soft = functional.cross_entropy(scores.flatten(0, 1) / _SOFTNESS, goal)
    return (1 - _TRUST) * hard + _TRUST * _SOFTNESS**2 * soft


@torch.no_grad()
def _depths(
    graph: Graph, places: Sequence[Place], head: Head, seen: Seen, means: list[Tensor], deviations: list[Tensor]
) -> list[Depth]:
    """The head on features as they are. What standardising them adds to the sums goes into the biases of this and all later
    depths."""
    result = []
    offset = torch.zeros(seen.scores.shape[1])
    sums = torch.zeros_like(seen.scores)
    for number, (place, x) in enumerate(zip(places, seen.features, strict=True)):
        weight = head.weights[number] / deviations[number]
        offset = offset - weight @ means[number]
        scale = head.gains[number].exp()
        bias = head.biases[number] + scale * offset
        sums = sums + functional.linear(x, weight)
        scores = scale * sums + bias
        ones = torch.cat([x, torch.ones(len(x), 1)], 1)
        channels = graph.tensors[place.tensor].shape[2]
        result.append(
            Depth(
                source=place.tensor,
                pool=place.pool,
                weight=weight.reshape(-1, *place.pool, channels).numpy(),
                scale=float(scale),
                bias=bias.numpy(),
                feature_range=(float(x.min()), float(x.max())),
                score_range=(float(scores.min()), float(scores.max())),
                moments=(ones.T @ ones).numpy(),
            )
        )
    return result


def float_scores(head: Sequence[Depth], features: Sequence[Tensor]) -> np.ndarray:
    """float32 [N, depths, classes]: what the head says of features."""
    sums, scores = np.float32(0), []
    for depth, x in zip(head, features, strict=True):
        sums = sums + x.numpy() @ depth.weight.reshape(len(depth.weight), -1).T
        scores.append(depth.scale * sums + depth.bias)
    return np.stack(scores, 1)
