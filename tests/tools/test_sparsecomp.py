"""SparseComp: its parts against what they are defined as, its rounds on the digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from freeml_pack.data import Data
from results import sparsecomp as method
from results.factorise import bayes_rank, bayes_ranks, factorised
from results.networks import NETWORKS
from results.sparsecomp import Point, State, csr_bytes, sparsecomp
from results.train import Baseline, baseline
from torch import nn

DIGITS = NETWORKS["digits"]
SMALL = 1  # bytes; no network is as small, so that the epochs decide when to stop


@pytest.mark.parametrize(("rank", "noise"), [(3, 1.0), (5, 0.1), (20, 0.5)])
@pytest.mark.parametrize("shape", [(60, 100), (100, 60)])
def test_bayes_finds_the_rank_under_noise(rank: int, noise: float, shape: tuple[int, int]) -> None:
    random = np.random.default_rng(rank)
    signal = random.normal(size=(shape[0], rank)) @ random.normal(size=(rank, shape[1]))
    assert bayes_rank(signal + noise * random.normal(size=shape)) == rank


def test_bayes_finds_nothing_in_noise() -> None:
    assert bayes_rank(np.random.default_rng(0).normal(size=(60, 100))) == 1  # one is the least that a layer can have


LAYERS = [
    (nn.Linear(8, 12), (8,), (8,)),
    (nn.Conv2d(8, 12, 3, stride=2, padding=1), (8, 12), (8, 7, 7)),
    (nn.Conv2d(8, 12, 3, bias=False), (8, 12), (8, 7, 7)),
    (nn.Conv1d(8, 12, 5, padding=2, dilation=2), (8, 12), (8, 9)),
]


@pytest.mark.parametrize(("layer", "ranks", "shape"), LAYERS, ids=lambda value: type(value).__name__)
def test_factors_of_full_rank_are_the_layer(layer: nn.Linear, ranks: tuple[int, ...], shape: tuple[int, ...]) -> None:
    x = torch.randn(2, *shape)
    assert torch.allclose(factorised(layer, ranks)(x), layer(x), atol=1e-5)


def test_factors_of_a_low_rank_layer_are_the_layer() -> None:
    layer = nn.Conv2d(16, 20, 3)
    with torch.no_grad():
        core, left, right = torch.randn(3, 2, 9), torch.randn(20, 3), torch.randn(16, 2)
        layer.weight.copy_(torch.einsum("rsk,or,is->oik", core, left, right).reshape(layer.weight.shape))
    ranks = bayes_ranks(layer)
    assert ranks == (2, 3)
    x = torch.randn(2, 16, 5, 5)
    assert torch.allclose(factorised(layer, ranks)(x), layer(x), atol=1e-3)


def test_bytes_of_compressed_sparse_rows() -> None:
    layer = nn.Linear(100, 10, bias=False)
    module = nn.Sequential(layer, nn.BatchNorm1d(10), nn.ReLU(), nn.Linear(10, 3, bias=False))
    assert csr_bytes(layer) == 2 * 1000  # dense is smaller
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[3, 5:12] = 1.0
    assert csr_bytes(layer) == 7 * (2 + 2) + 2 * 11
    assert State(module).bytes == csr_bytes(layer) + 2 * 10 + 2 * 30


@pytest.mark.parametrize("channels_last", [False, True])
def test_threshold_keeps_the_largest(channels_last: bool) -> None:
    module = nn.Sequential(nn.Conv2d(4, 6, 3), nn.Conv2d(6, 2, 1))
    if channels_last:
        module = module.to(memory_format=torch.channels_last)
    before = module[0].weight.detach().clone()
    State(module, densities={"0": 0.25}).threshold()
    after = module[0].weight.detach()
    assert int(after.count_nonzero()) == 54
    assert torch.equal(after[after != 0], before[after != 0])
    assert before[after == 0].abs().max() <= before[after != 0].abs().min()
    assert int(module[1].weight.count_nonzero()) == 12


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Data, Baseline]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("digits")
    data = DIGITS.dataset.open(DIGITS.dataset.write(folder, folder))
    return data, baseline(DIGITS, data, folder)


def test_interrupted_goes_on_to_the_same_curve(digits: tuple[Data, Baseline], tmp_path: Path) -> None:
    data, trained = digits
    folders = [tmp_path / "whole", tmp_path / "parts"]
    for folder in folders:
        folder.mkdir()
    whole = sparsecomp(DIGITS, trained, data, folders[0], 8, SMALL)
    sparsecomp(DIGITS, trained, data, folders[1], 3, SMALL)
    begun = (folders[1] / "sparsecomp.pt").stat().st_mtime_ns
    assert sparsecomp(DIGITS, trained, data, folders[1], 8, SMALL) == whole
    assert (folders[1] / "sparsecomp.pt").stat().st_mtime_ns > begun
    assert any("rank" in point.change for point in whole)
    kept = [point.bytes for point in whole if point.kept]
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] < kept[0] / 2
    assert whole[-1].test > 0.8  # and it still reads digits


def test_costly_changes_are_undone(digits: tuple[Data, Baseline], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, trained = digits
    monkeypatch.setattr(method, "FRAGILE", -1.0)  # every change costs too much
    curve = sparsecomp(DIGITS, trained, data, tmp_path, 20, SMALL)
    first, *changes = curve
    assert changes
    assert not any(point.kept for point in changes)
    names = [point.change.split()[0] for point in changes if "density" in point.change]
    assert len(names) == len(set(names)) == 4  # all layers are fragile, and that ends it
    assert first == Point("trained", True, 0, first.bytes, first.held_out, pytest.approx(0.98))


def test_stops_at_the_target(digits: tuple[Data, Baseline], tmp_path: Path) -> None:
    data, trained = digits
    curve = sparsecomp(DIGITS, trained, data, tmp_path, 30, 15_000)
    assert curve[-1].bytes <= 15_000 < curve[-2].bytes
