"""What the shared exit head is compared with: heads of their own for each exit, and gNet, trained on the same samples.

All rivals keep float32 weights and look at the float backbone, while the head of the blob is measured in int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from freeml_pack.data import Split
from freeml_pack.exits.choose import Place
from freeml_pack.exits.features import Seen, look
from freeml_pack.exits.train import PRIOR, TRUST, lesson, minimise
from freeml_pack.graph import Graph
from torch import Tensor, nn
from torch.nn import functional

_PRIORS = (PRIOR / 10, PRIOR, PRIOR * 10)
_EPOCHS, _BATCH, _RATE = 12, 128, 1e-3  # of heads on full feature maps


@dataclass(frozen=True, eq=False)
class Samples:
    """learned: what all heads are trained on; held_out: chooses among several of a rival; test: what is reported."""

    split: Split
    test_split: Split
    learned: np.ndarray
    held_out: np.ndarray

    def look(self, graph: Graph, places: Sequence[Place]) -> tuple[Seen, Seen, Seen]:
        everything = np.arange(len(self.test_split))
        parts = (self.split, self.learned), (self.split, self.held_out), (self.test_split, everything)
        learned, held_out, test = (look(graph, places, split, indices) for split, indices in parts)
        return learned, held_out, test


class _Heads(nn.Module):
    """Features of each depth -> scores [N, depths, classes]. Of one linear layer over all features, those of later depths zero,
    or of a linear layer for each depth."""

    def __init__(self, sizes: Sequence[int], classes: int, shared: bool) -> None:
        super().__init__()
        self.shared = shared
        self.weights = nn.ParameterList(nn.Parameter(torch.zeros(classes, size)) for size in sizes)
        self.biases = nn.Parameter(torch.zeros(1 if shared else len(sizes), classes))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        terms = torch.stack([functional.linear(x, weight) for x, weight in zip(features, self.weights, strict=True)], 1)
        scores: Tensor = (terms.cumsum(1) if self.shared else terms) + self.biases
        return scores

    def squares(self) -> Tensor:
        return torch.stack([weight.square().sum() for weight in self.weights]).sum()


def separate_heads(learned: Seen, held_out: Seen, test: Seen) -> list[float]:
    """Test accuracy 0..1 of a linear head for each exit, on labels or on the network's scores as well, whichever is better
    on the samples held out."""
    return _best(learned, held_out, test, shared=False, trusts=(0.0, TRUST))


def gnet(learned: Seen, held_out: Seen, test: Seen, trust: float) -> list[float]:
    """Test accuracy 0..1 at each exit of gNet (arXiv 2405.10426): one linear layer over the pooled features of all exits, with
    zeros for those that are not computed yet. trust: 0 for labels alone, as published."""
    return _best(learned, held_out, test, shared=True, trusts=(trust,))


def _best(learned: Seen, held_out: Seen, test: Seen, *, shared: bool, trusts: Sequence[float]) -> list[float]:
    tried = []
    learned, held_out, test = _standardised((learned, held_out, test), centred=not shared)
    for trust in trusts:
        for prior in _PRIORS:
            heads = _trained(learned, shared, trust, prior)
            tried.append((float(np.mean(_accuracies(heads, held_out))), _accuracies(heads, test)))
    return max(tried)[1]


def _standardised(parts: tuple[Seen, Seen, Seen], *, centred: bool) -> tuple[Seen, ...]:
    """By means and deviations of the first part; not centred: zeros stay zeros."""
    first = parts[0].features
    means = [x.mean(0) * centred for x in first]
    deviations = [x.std(0) + 0.1 * x.std() + 1e-6 for x in first]
    return tuple(
        replace(part, features=[(x - m) / d for x, m, d in zip(part.features, means, deviations, strict=True)])
        for part in parts
    )


def _trained(seen: Seen, shared: bool, trust: float, prior: float) -> _Heads:
    heads = _Heads([x.shape[1] for x in seen.features], seen.scores.shape[1], shared)
    decay = prior / len(seen.labels)
    minimise(heads, lambda: lesson(heads(seen.features), seen.scores, seen.labels, trust) + decay * heads.squares())
    return heads


@torch.no_grad()
def _accuracies(heads: _Heads, seen: Seen) -> list[float]:
    right = heads(seen.features).argmax(2) == seen.labels[:, None]
    return [float(share) for share in right.double().mean(0)]


def full_heads(graph: Graph, places: Sequence[Place], samples: Samples) -> list[float]:
    """Test accuracy 0..1 of a linear head for each exit on the whole feature map; of several epochs the one that is best on
    the samples held out."""
    accuracies = []
    for place in places:  # one after the other: the feature maps are large
        height, width, _ = graph.tensors[place.tensor].shape
        parts = _standardised(samples.look(graph, [replace(place, pool=(height, width))]), centred=True)
        accuracies.append(_by_epochs(*parts))
    return accuracies


def _by_epochs(learned: Seen, held_out: Seen, test: Seen) -> float:
    """Some thousand features for each class: more than there are samples, so the order of the samples and an early end
    regularise."""
    heads = _Heads([learned.features[0].shape[1]], learned.scores.shape[1], shared=False)
    optimizer = torch.optim.AdamW(heads.parameters(), lr=_RATE, weight_decay=0.1)
    generator = torch.Generator().manual_seed(0)
    best = (0.0, 0.0)
    for _ in range(_EPOCHS):
        for chosen in torch.randperm(len(learned.labels), generator=generator).split(_BATCH):
            loss = lesson(heads([learned.features[0][chosen]]), learned.scores[chosen], learned.labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        best = max(best, (_accuracies(heads, held_out)[0], _accuracies(heads, test)[0]))
    return best[1]
