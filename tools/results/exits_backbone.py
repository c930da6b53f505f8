"""The networks that exits are added to: compressed as `make compress-results` does it, whose searches are taken over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from freeml_pack import passes
from freeml_pack.compress import Goal, compress
from freeml_pack.data import Data, bind_data
from freeml_pack.frontend import load_model
from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph
from freeml_pack.progress import ProgressDisplay
from freeml_pack.targets import Target, load_target

from results.networks import Network
from results.pack import small_blob_target
from results.train import Baseline


@dataclass(frozen=True, eq=False)
class Backbone:
    """graph: float, trained to be quantized; it does not change any more. target: without a limit of the blob's size, which the
    backbone alone has met."""

    graph: Graph
    target: Target
    float32_bytes: int  # of the network before compression


def backbone(network: Network, trained: Baseline, data: Data, folder: Path, ratio: int, epochs: int) -> Backbone:
    """Compressed to `ratio` times less than float32, by at most `epochs` of retraining; 1: not at all."""
    graph = bind_data(passes.standard(load_model(trained.model).graph), data)
    size = sum(4 * (op.weight.size + op.bias.size) for op in graph if isinstance(op, Conv2d | DepthwiseConv2d))
    if ratio == 1:
        return Backbone(graph, load_target("generic"), size)
    target = load_target(str(small_blob_target(folder)))
    room = min(size // ratio, target.flash_bytes or size)
    goal = Goal(epochs=epochs, seed=network.recipe.seed, work_dir=folder / f"work-{ratio}x")
    made = compress(graph, data, replace(target, flash_bytes=room), goal, ProgressDisplay())
    return Backbone(made.graph, replace(target, flash_bytes=None), size)
