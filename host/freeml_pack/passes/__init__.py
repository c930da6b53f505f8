"""Graph -> Graph. Passes do not import each other; `standard` runs those of float graphs in order, `fuse_pool` is for an int8
graph."""

from __future__ import annotations

from freeml_pack.graph import Graph
from freeml_pack.passes.fold_affine import fold_affine
from freeml_pack.passes.fuse_activations import fuse_activations
from freeml_pack.passes.fuse_pool import fuse_pool as fuse_pool
from freeml_pack.passes.recognise_activations import recognise_activations
from freeml_pack.passes.remove_dead import remove_dead


def standard(graph: Graph) -> Graph:
    """What every float graph goes through before quantization. Running it twice changes nothing more."""
    for run in (remove_dead, recognise_activations, fold_affine, fuse_activations, remove_dead):
        graph = run(graph)
    return graph
