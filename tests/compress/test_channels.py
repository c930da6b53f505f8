"""Removing channels computes what zeroing them does, on every network of the zoo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from freeml_pack import passes
from freeml_pack.compress.channels import ChannelGroups, remove_channels
from freeml_pack.evaluate import evaluate
from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph
from zoo import ZOO, loaded


@pytest.mark.parametrize("name", sorted(ZOO))
def test_removed_channels_count_as_zero(name: str) -> None:
    model, shape = loaded(name)
    graph = passes.standard(model.graph)
    groups = ChannelGroups(graph)
    random = np.random.default_rng(0)
    keep = groups.keep(random.random(len(groups.removable)) < 0.6)
    assert name == "shufflenet" or any(not k.all() for k in keep.values())  # that one shuffles all of its channels
    smaller = remove_channels(graph, keep)
    x = random.normal(size=(4, *shape)).astype(np.float32)
    expected = evaluate(_muted(graph, keep), x)[graph.output]
    np.testing.assert_allclose(evaluate(smaller, x)[graph.output], expected, rtol=1e-3, atol=1e-4)


def _muted(graph: Graph, keep: dict[str, np.ndarray]) -> Graph:
    """With zeros for the channels that go, in the weights of the layers that read them."""
    ops = []
    for op in graph:
        if isinstance(op, Conv2d) and op.groups == 1:
            op = replace(op, weight=op.weight * keep[op.inputs[0]])
        elif isinstance(op, DepthwiseConv2d):
            op = replace(op, weight=op.weight * keep[op.output][:, None, None])
        ops.append(op)
    return graph.with_(ops=tuple(ops))
