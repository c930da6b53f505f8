"""Factors are exact at full rank and for layers that are of low rank, and are taken only where they pay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from freeml_pack import passes
from freeml_pack.build import build
from freeml_pack.compress.lowrank import factorise, truncated, tucker
from freeml_pack.evaluate import evaluate
from freeml_pack.frontend import load_model
from freeml_pack.graph import Conv2d, Graph, Window
from freeml_pack.targets import load_target
from torch import nn


def layer(shape: tuple[int, ...]) -> Conv2d:
    weight = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return Conv2d(name="a", inputs=("x",), output="y", window=Window(shape[1:3]), weight=weight, bias=np.zeros(shape[0]))


def test_full_rank_is_exact() -> None:
    op = layer((12, 3, 5, 8))
    first, core, last = tucker(op, 8, 12)
    np.testing.assert_allclose(np.einsum("op,phwj,ji->ohwi", last, core, first), op.weight, atol=1e-5)
    first, last = truncated(op, 12)
    np.testing.assert_allclose(last @ first, op.weight.reshape(12, -1), atol=1e-5)


def test_moments_say_which_errors_count() -> None:
    op, rng = layer((20, 1, 1, 30)), np.random.default_rng(1)
    x = rng.normal(size=(500, 30)) * np.geomspace(1, 0.01, 30)
    matrix = op.weight.reshape(20, 30)

    def error(factors: tuple[np.ndarray, np.ndarray]) -> float:
        return float(np.square(x @ (factors[1] @ factors[0] - matrix).T).sum())

    assert error(truncated(op, 6, x.T @ x)) < 0.7 * error(truncated(op, 6))


@pytest.fixture(scope="module")
def thin(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """A network with a convolution and a linear layer of low rank."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 40, 3, padding=1), nn.ReLU(), nn.Conv2d(40, 40, 3, padding=1, stride=2), nn.ReLU()]
    module = nn.Sequential(*layers, nn.Flatten(), nn.Linear(40 * 16, 64), nn.ReLU(), nn.Linear(64, 5)).eval()
    with torch.no_grad():
        kernel = torch.einsum("op,phwj,ji->oihw", torch.randn(40, 6), torch.randn(6, 3, 3, 5), torch.randn(5, 40))
        module[2].weight.copy_(kernel / kernel.std() / 20)
        module[5].weight.copy_(torch.randn(64, 4) @ torch.randn(4, 640) / 50)
    path: Path = tmp_path_factory.mktemp("thin") / "model.pt2"
    torch.export.save(torch.export.export(module, (torch.zeros(1, 3, 8, 8),)), path)
    return passes.standard(load_model(path).graph)


def test_layers_of_low_rank_are_factorised(thin: Graph) -> None:
    graph, taken = factorise(thin)
    assert sorted(factors.ranks for factors in taken.values()) == [(4,), (5, 6)]
    x = np.random.default_rng(2).normal(size=(4, 3, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(evaluate(graph, x)[graph.output], evaluate(thin, x)[thin.output], rtol=1e-3, atol=1e-3)
    target = load_target("generic")
    before, after = (build(g, x, target) for g in (thin, graph))
    saved = sum(factors.bytes_before - factors.bytes_after for factors in taken.values())
    assert len(after.blob) < len(before.blob) - 0.9 * saved


def test_layers_of_full_rank_are_left_alone(thin: Graph) -> None:
    rng = np.random.default_rng(3)
    ops = tuple(
        Conv2d(**{**vars(op), "weight": rng.normal(size=op.weight.shape).astype(np.float32)}) if isinstance(op, Conv2d) else op
        for op in thin
    )
    graph, taken = factorise(thin.with_(ops=ops))
    assert not taken
    assert graph.ops == ops
