"""A graph as a torch module computes what the graph computes, and comes back as it went."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from freeml_pack import activations, passes
from freeml_pack.compress.functions import FUNCTIONS
from freeml_pack.compress.network import Network
from freeml_pack.evaluate import evaluate
from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph
from zoo import ZOO, loaded


@pytest.fixture(scope="module", params=sorted(ZOO))
def case(request: pytest.FixtureRequest) -> tuple[Graph, np.ndarray, np.ndarray]:
    """Graph, samples, and the original module's scores."""
    model, shape = loaded(request.param)
    x = np.random.default_rng(0).normal(size=(16, *shape)).astype(np.float32)
    return passes.standard(model.graph), x, model.predict(x)


def test_network_computes_what_the_graph_computes(case: tuple[Graph, np.ndarray, np.ndarray]) -> None:
    graph, x, _ = case
    expected = evaluate(graph, x)[graph.output].reshape(len(x), -1)
    with torch.no_grad():
        np.testing.assert_allclose(Network(graph)(torch.from_numpy(x)).numpy(), expected, rtol=1e-3, atol=2e-4)


def test_network_becomes_the_graph_again(case: tuple[Graph, np.ndarray, np.ndarray]) -> None:
    graph, _, _ = case
    back = Network(graph).to_graph()
    for old, new in zip(graph, back, strict=True):
        if isinstance(old, Conv2d | DepthwiseConv2d):
            assert type(new) is type(old)
            np.testing.assert_array_equal(new.weight, old.weight)
            np.testing.assert_array_equal(new.bias, old.bias)


def test_batch_norms_come_and_go_without_a_trace(case: tuple[Graph, np.ndarray, np.ndarray]) -> None:
    graph, x, _ = case
    network = Network(graph)
    network.normalise(torch.from_numpy(x))
    network.eval()
    expected = evaluate(graph, x)[graph.output].reshape(len(x), -1)
    folded = evaluate(network.to_graph(), x)[graph.output].reshape(len(x), -1)
    with torch.no_grad():
        np.testing.assert_allclose(network(torch.from_numpy(x)).numpy(), expected, rtol=5e-3, atol=2e-3)
    np.testing.assert_allclose(folded, expected, rtol=5e-3, atol=2e-3)


def test_every_weight_learns(case: tuple[Graph, np.ndarray, np.ndarray]) -> None:
    graph, x, _ = case
    network = Network(graph)
    network(torch.from_numpy(x)).square().sum().backward()
    for layer in network.layers:
        assert network.weight(layer).grad is not None
        assert network.weight(layer).grad.abs().sum() > 0, layer


def test_functions_are_those_of_the_packer() -> None:
    assert FUNCTIONS.keys() == activations.FUNCTIONS.keys()
    x = np.linspace(-8.0, 8.0, 201)
    for kind, function in FUNCTIONS.items():
        np.testing.assert_allclose(
            function(torch.from_numpy(x)).numpy(), activations.FUNCTIONS[kind](x), rtol=1e-5, atol=1e-6, err_msg=kind
        )
