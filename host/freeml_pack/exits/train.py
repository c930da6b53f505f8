"""Trains the head on features that were computed before; the network stays as it is.

All depths are trained in each step, each on the labels and on the network's own scores (Hinton et al., "Distilling the
Knowledge in a Neural Network", 2015)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from freeml_pack.exit_head import Depth
from freeml_pack.exits.choose import Place
from freeml_pack.exits.features import Seen
from freeml_pack.graph import Graph

_ITERATIONS = 150
_SOFTNESS, TRUST = 2.0, 0.9  # of the network's scores: temperature, share of the loss
PRIOR = 0.3  # penalty of a squared weight, by the number of samples


class Head(nn.Module):
    """Features of each depth, standardised -> scores [N, depths, classes]."""

    def __init__(self, sizes: Sequence[int], classes: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.zeros(classes, size)) for size in sizes)
        self.gains = nn.Parameter(torch.zeros(len(sizes)))  # logarithms: the scales stay positive
        self.biases = nn.Parameter(torch.zeros(len(sizes), classes))

    def squares(self) -> Tensor:
        """[depths]: of the weights behind each depth's scores, its scale included."""
        sums = torch.stack([weight.square().sum() for weight in self.weights]).cumsum(0)
        return sums * (2 * self.gains).exp()

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        terms = [functional.linear(x, weight) for x, weight in zip(features, self.weights, strict=True)]
        sums = torch.stack(terms, 1).cumsum(1)
        scores: Tensor = sums * self.gains.exp()[:, None] + self.biases
        return scores


def train(graph: Graph, places: Sequence[Place], seen: Seen) -> tuple[Depth, ...]:
    """The head, from the samples seen. Deterministic."""
    means = [x.mean(0) for x in seen.features]
    deviations = [x.std(0) + 0.1 * x.std() + 1e-6 for x in seen.features]
    features = [(x - mean) / deviation for x, mean, deviation in zip(seen.features, means, deviations, strict=True)]
    head = Head([x.shape[1] for x in features], seen.scores.shape[1])
    _fit(head, features, seen)
    return tuple(_depths(graph, places, head, seen, means, deviations))


def _fit(head: Head, features: list[Tensor], seen: Seen) -> None:
    """The n-th depth has a weight of 1 / n: what the first one learns stays in the sums, all others can mend it. The penalty is
    on what weights and scale make together; on weights alone, the scales would grow and undo it."""
    decay, depths = PRIOR / len(seen.labels), len(features)
    total = sum(1 / number for number in range(1, depths + 1))
    shares = [1 / (number * total) for number in range(1, depths + 1)]

    def loss() -> Tensor:
        penalty = depths * (head.squares() @ torch.tensor(shares))
        return lesson(head(features), seen.scores, seen.labels, shares=shares) + decay * penalty

    minimise(head, loss)


def minimise(model: nn.Module, loss: Callable[[], Tensor]) -> None:
    """Fits the parameters of a model to a loss over all samples. With given scales that of a head is convex."""
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=_ITERATIONS, history_size=20, line_search_fn="strong_wolfe")

    def again() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(again)


def lesson(
    scores: Tensor, teacher: Tensor, labels: Tensor, trust: float = TRUST, shares: Sequence[float] | None = None
) -> Tensor:
    """scores: [N, depths, classes]; teacher: [N, classes], whose share of the loss `trust` is; shares: of each depth, None:
    equal."""
    depths = scores.shape[1]
    flat = scores.flatten(0, 1)
    loss = (1 - trust) * functional.cross_entropy(flat, labels.repeat_interleave(depths), reduction="none")
    if trust > 0:
        goal = functional.softmax(teacher / _SOFTNESS, 1).repeat_interleave(depths, 0)
        loss = loss + trust * _SOFTNESS**2 * functional.cross_entropy(flat / _SOFTNESS, goal, reduction="none")
    each = loss.reshape(-1, depths).mean(0)
    return each.mean() if shares is None else each @ torch.tensor(shares)


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
