"""What the head sees: pooled features of the frozen network, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from freeml_pack.calibrate import Progress
from freeml_pack.compress.network import Network
from freeml_pack.data import Split
from freeml_pack.exits.choose import Place
from freeml_pack.graph import Graph

_CHUNK = 128  # samples


@dataclass(frozen=True, eq=False)
class Seen:
    """Of N samples. Features are in the order (row, column, channel)."""

    features: list[Tensor]  # of each place, float32 [N, rows * columns * channels]
    scores: Tensor  # of the network itself, float32 [N, classes]
    labels: Tensor  # int64 [N]

    def part(self, chosen: slice) -> Seen:
        return Seen([f[chosen] for f in self.features], self.scores[chosen], self.labels[chosen])


@torch.no_grad()
def look(graph: Graph, places: Sequence[Place], split: Split, indices: np.ndarray, progress: Progress | None = None) -> Seen:
    """Runs the float graph on the samples."""
    assert split.y is not None, "exits are trained on labelled data"
    network, pools = Network(graph).eval(), {place.tensor: place.pool for place in places}
    now: dict[str, Tensor] = {}

    def see(name: str, value: Tensor) -> Tensor:
        if name in pools:
            pooled = functional.adaptive_avg_pool2d(value, pools[name])
            now[name] = pooled.permute(0, 2, 3, 1).reshape(len(value), -1)
        return value

    network.value_view = see
    features: list[list[Tensor]] = [[] for _ in places]
    scores = []
    for begin in range(0, len(indices), _CHUNK):
        part = indices[begin : begin + _CHUNK]
        scores.append(network(torch.from_numpy(split.values(part))))
        for kept, place in zip(features, places, strict=True):
            kept.append(now[place.tensor])
        if progress is not None:
            progress(begin + len(part), len(indices))
    return Seen([torch.cat(parts) for parts in features], torch.cat(scores), torch.from_numpy(split.y[indices]))
