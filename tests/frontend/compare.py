"""Compares the graph that the front end makes with torch itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from freeml_pack.evaluate import evaluate
from freeml_pack.frontend.export import from_module
from freeml_pack.frontend.loaded import LoadedModel
from freeml_pack.graph import Graph, Op, OutputTransform
from freeml_pack.passes import standard
from torch import nn

TRANSFORMS = {
    OutputTransform.NONE: lambda scores: scores,
    OutputTransform.SOFTMAX: lambda scores: scores.softmax(1),
    OutputTransform.LOG_SOFTMAX: lambda scores: scores.log_softmax(1),
    OutputTransform.SIGMOID: lambda scores: scores.sigmoid(),
}


def run_graph(graph: Graph, x: np.ndarray) -> np.ndarray:
    """float32 [N, outputs], in the order and after the transform of the torch model."""
    scores = evaluate(graph, x)[graph.output].reshape(len(x), -1)
    return TRANSFORMS[graph.output_transform](torch.from_numpy(scores.astype(np.float32))).numpy()


def samples(shape: tuple[int, ...], count: int = 3) -> np.ndarray:
    return np.random.default_rng(7).standard_normal((count, *shape)).astype(np.float32)


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def check(module: nn.Module, shape: tuple[int, ...]) -> Graph:
    """Asserts that both the graph as read and the graph after all passes compute what the module computes; returns the
    latter."""
    x = samples(shape)
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(x)).reshape(len(x), -1).numpy()
    loaded = from_module(module, "model", "state_dict", shape)
    graph = standard(loaded.graph)
    assert_close(run_graph(loaded.graph, x), expected)
    assert_close(run_graph(graph, x), expected)
    assert_close(loaded.predict(x), expected)
    assert len({op.name for op in graph}) == len(graph.ops), "names of ops repeat"
    return graph


def check_loaded(loaded: LoadedModel, module: nn.Module, x: np.ndarray) -> None:
    """Asserts that a loaded file computes what the module does."""
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(x)).reshape(len(x), -1).numpy()
    assert_close(run_graph(standard(loaded.graph), x), expected)
    assert_close(loaded.predict(x), expected)


def kinds(graph: Graph) -> list[str]:
    """Names of the ops' classes, in order."""
    return [type(op).__name__ for op in graph]


def find(graph: Graph, name: str) -> Op:
    return next(op for op in graph if op.name == name)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
