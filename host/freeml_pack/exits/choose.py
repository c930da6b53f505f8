"""Where a network can end early, and how much of the features there is looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from freeml_pack.errors import PackError
from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph, op_macs

_USUAL = 4  # exits
_MOST = 16
_LAST = 0.9  # share of the network's work; behind it an exit saves nothing
_APART = 0.05  # share of the network's work between two exits
_POOL = 4  # rows and columns at most
_SHRINK = 26  # the whole head takes at most this part of the weights that all values of the feature maps would have
_EXIT_BYTES, _CLASS_BYTES = 210, 20  # that an exit takes besides a byte for each weight: metadata; bias, multiplier, sum
_TOGETHER = 4  # classes whose weights are stored together
_HEAD_MACS = 0.02  # of the network's, at most for all exits together, where that leaves anything


@dataclass(frozen=True)
class Place:
    """A tensor on which everything behind it depends, and nothing else."""

    tensor: str
    layer: str  # the op that completes it
    macs: int  # of the network, until there
    pool: tuple[int, int] = (1, 1)


def candidates(graph: Graph) -> list[Place]:
    """All tensors through which everything passes, in their order, but the output; where a pool or a copy follows, which costs
    no multiplications, only what comes out of it."""
    found = []
    macs = 0
    readers = {name: [i for i, op in enumerate(graph) if name in op.inputs] for name in graph.tensors}
    for index, op in enumerate(graph):
        macs += op_macs(graph, op)
        alive = {
            o.output for o in graph.ops[: index + 1] if o.output == graph.output or max(readers[o.output], default=0) > index
        }
        complete = graph.last_write(op.output) == index
        weighs = any(isinstance(graph.ops[i], Conv2d | DepthwiseConv2d) for i in readers[op.output])
        begins_again = any(not o.inputs for o in graph.ops[index + 1 :])
        if complete and alive == {op.output} and op.output != graph.output and macs and weighs and not begins_again:
            found.append(Place(op.output, op.name, macs))
    return found


def choose(graph: Graph, wanted: str = "auto") -> list[Place]:
    """Places of the exits, in their order, with their pools. wanted: "auto", a number, or names of layers (as the report has
    them) with commas between. PackError where there are no such places."""
    found = candidates(graph)
    if wanted == "auto" or wanted.isdecimal():
        chosen = _spread(found, graph.macs(), _USUAL if wanted == "auto" else int(wanted))
        if wanted != "auto" and len(chosen) < min(int(wanted), 1):
            raise PackError("--exits asks for early exits, but nothing in the model is a place for one: use --exits none.")
    else:
        chosen = [_named(found, name.strip()) for name in wanted.split(",")]
        chosen.sort(key=lambda place: place.macs)
    return _pooled(graph, chosen)


def _named(found: list[Place], name: str) -> Place:
    for place in found:
        if name in (place.layer, place.tensor):
            return place
    names = ", ".join(place.layer for place in found)
    raise PackError(f"--exits names {name}, which is no place for an exit: choose from {names or 'none'}, or give a number.")


def _spread(found: list[Place], macs: int, count: int) -> list[Place]:
    """At most `count` places with about the same work between them."""
    count = min(count, _MOST)
    rest = [place for place in found if place.macs <= _LAST * macs]
    chosen: list[Place] = []
    for number in range(1, count + 1):
        before = chosen[-1].macs if chosen else 0
        later = [place for place in rest if place.macs >= before + _APART * macs]
        if not later:
            break
        goal = before + (macs - before) / (count + 2 - number)
        chosen.append(min(later, key=lambda place: abs(place.macs - goal)))
    return chosen


def _pooled(graph: Graph, chosen: list[Place]) -> list[Place]:
    """With pools as large as the budget allows: grown depth by depth, all by one row and column before any by two."""
    shapes = [graph.tensors[place.tensor].shape for place in chosen]
    classes = graph.tensors[graph.output].size
    stored = -(-classes // _TOGETHER) * _TOGETHER
    weights = sum(map(prod, shapes)) * classes // _SHRINK - len(chosen) * (_EXIT_BYTES + _CLASS_BYTES * stored)
    budget = min(weights // stored, int(_HEAD_MACS * graph.macs()) // classes)  # features
    pools = [(1, 1)] * len(chosen)
    for side in range(2, _POOL + 1):
        for index, (height, width, _) in enumerate(shapes):
            grown = [*pools[:index], (min(side, height), min(side, width)), *pools[index + 1 :]]
            if sum(a * b * shape[2] for (a, b), shape in zip(grown, shapes, strict=True)) <= budget:
                pools = grown
    return [replace(place, pool=pool) for place, pool in zip(chosen, pools, strict=True)]
