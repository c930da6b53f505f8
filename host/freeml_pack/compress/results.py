"""What a search has made of each layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from freeml_pack.build import Built
from freeml_pack.compress.lowrank import Factors
from freeml_pack.encodings import CODED
from freeml_pack.graph import Conv2d, Encoding, Graph


@dataclass(frozen=True)
class LayerResult:
    """One convolution or linear layer."""

    name: str
    shape_before: tuple[int, ...]  # of the weights: out, kernel_h, kernel_w, in
    shape_after: tuple[int, ...]
    method: str
    rank: int | None  # where it is a factor of a layer: of how many channels between it and the next
    density: float  # share of the weights before that are left and not zero
    encoding: str
    bits: int  # per weight
    bytes_before: int  # weights and biases as float32
    bytes_after: int  # constants in the blob
    points_alone: float | None  # of held-out accuracy, lost if only this layer were pruned like this and nothing trained


Channels = Mapping[str, np.ndarray]
"""By tensor of the original graph: which of its channels are left, int64."""


def layer_results(
    original: Graph,
    factors: Mapping[str, Factors],
    graph: Graph,
    built: Built,
    left: Channels,
    accuracy: Callable[[Graph], float],
    before: float,
) -> tuple[LayerResult, ...]:
    """original: with factors in place of layers of low rank; graph: what became of it, float; built: its blob; accuracy: of a
    float graph on the held-out samples, 0..1; before: that of the original."""
    old = {op.output: op for op in original if isinstance(op, Conv2d)}
    sizes = built.layer_bytes()
    encodings = {op.name: op.encoding for op in built.graph if isinstance(op, Conv2d)}
    rows = []
    for op in graph:
        if isinstance(op, Conv2d):  # of which the planner may have made several
            parts = [name for name in sizes if name == op.name or name.startswith(f"{op.name}/")]
            size, encoding = sum(sizes[name] for name in parts), encodings[parts[0]]
            rows.append(_layer(original, old.get(op.output), op, size, encoding, left, accuracy, before))
    ranks = {f"{made.layer}/{place + 1}": rank for made in factors.values() for place, rank in enumerate(made.ranks)}
    return tuple(replace(row, rank=ranks.get(row.name)) for row in rows)


def _layer(
    original: Graph,
    old: Conv2d | None,
    new: Conv2d,
    constant_bytes: int,
    encoding: Encoding,
    left: Channels,
    accuracy: Callable[[Graph], float],
    before: float,
) -> LayerResult:
    was = old or new
    alone = None if old is None else 100 * (before - accuracy(_pruned_alone(original, old, new, left)))
    nonzero = int((new.weight != 0).sum())
    steps = {
        "channels": new.weight.shape != was.weight.shape,
        "sparse": nonzero < new.weight.size,
        "codebook": encoding in CODED,
    }
    return LayerResult(
        name=new.name,
        shape_before=was.weight.shape,
        shape_after=new.weight.shape,
        method=" + ".join(step for step, taken in steps.items() if taken) or "int8",
        rank=None,
        density=nonzero / was.weight.size,
        encoding=encoding.name,
        bits=4 if encoding in CODED else 8,
        bytes_before=4 * (was.weight.size + was.bias.size),
        bytes_after=constant_bytes,
        points_alone=alone,
    )


def _pruned_alone(original: Graph, old: Conv2d, new: Conv2d, left: Channels) -> Graph:
    """The original with zeros where the new layer has none of its weights."""
    kept = np.zeros(old.weight.shape, bool)
    outs = left[old.output]
    ins = left[old.inputs[0]] if old.groups == 1 else np.arange(old.weight.shape[3])
    kept[np.ix_(outs, *map(np.arange, kept.shape[1:3]), ins)] = new.weight != 0
    pruned = replace(old, weight=old.weight * kept)
    return original.with_(ops=tuple(pruned if op is old else op for op in original))
