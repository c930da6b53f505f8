"""Which layers keep a byte for each weight, rather than 4-bit codes: those by which the network, cut to the same size again,
comes closer to the original."""

from __future__ import annotations

from collections.abc import Callable

from freeml_pack.compress.masks import NO_LAYERS
from freeml_pack.compress.rooms import Rooms
from freeml_pack.errors import PackError
from freeml_pack.graph import Graph


def layers_in_bytes(graph: Graph, size: int, rooms: Rooms, loss: Callable[[Graph], float]) -> frozenset[str]:
    """By the names of their outputs. graph: float, pruned for a blob of `size` bytes; loss: on samples, of such a graph.

    Layers are tried one after the other, first those that codes alone harm most. What a layer's bytes take is taken from all
    layers' weights, as far as the blob has no room left; nothing is trained in between."""
    in_codes = rooms.layers_in_codes(graph)
    harm = {layer: loss(rooms.coded(graph, in_codes - {layer})) for layer in sorted(in_codes)}
    chosen, least = NO_LAYERS, loss(rooms.coded(rooms.pruned(graph, size), NO_LAYERS))
    for layer in sorted(harm, key=lambda layer: -harm[layer]):
        wider = chosen | {layer}
        try:
            coded = rooms.coded(rooms.pruned(graph, size, wider), wider)
        except PackError:  # some layer, then sparse, works with more RAM than there is
            continue
        if rooms.has_room_for(coded, size) and (now := loss(coded)) < least:
            chosen, least = wider, now
    return chosen
