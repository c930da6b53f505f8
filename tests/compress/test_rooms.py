"""Memories that are too small are refused before anything is trained; bands of rows go before channels."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
from freeml_pack import passes
from freeml_pack.compress.rooms import Rooms
from freeml_pack.errors import PackError
from freeml_pack.frontend import load_model
from freeml_pack.graph import Graph
from freeml_pack.targets import load_target
from torch import nn
from zoo import randomize

SIZE = 50_000  # bytes, more than the network takes


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Whose first layer makes far more activations than those behind it."""
    layers = [
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, stride=2),
    ]
    module = randomize(nn.Sequential(*layers, nn.ReLU(), nn.Flatten(), nn.Linear(16 * 49, 5)))
    path = tmp_path_factory.mktemp("rooms") / "model.pt2"
    torch.export.save(torch.export.export(module, (torch.zeros(1, 1, 32, 32),)), path)
    return passes.standard(load_model(path).graph)


def rooms(name: str, ram: int | None = None, nvm: int | None = None) -> Rooms:
    target = load_target(name)
    target = replace(target, ram_bytes=ram or target.ram_bytes, nvm_bytes=nvm or target.nvm_bytes)
    x = torch.randn(16, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    return Rooms(target, x)


@pytest.mark.parametrize("target", ["generic", "msp430fr5994"])
def test_least_ram_is_named_and_is_enough(graph: Graph, target: str) -> None:
    with pytest.raises(PackError, match="ask for a larger --ram") as refused:
        rooms(target, ram=16).check_memories(graph)
    found = re.search(r"needs ([\d,]+) bytes of RAM", str(refused.value))
    assert found is not None
    least = int(found[1].replace(",", ""))
    with pytest.raises(PackError):
        rooms(target, ram=least - 1).check_memories(graph)
    rooms(target, ram=least).check_memories(graph)


def test_least_nvm_is_named(graph: Graph) -> None:
    with pytest.raises(PackError, match="bytes of nonvolatile memory"):
        rooms("msp430fr5994", nvm=1000).check_memories(graph)


def test_bands_before_channels(graph: Graph) -> None:
    whole = rooms("generic").built(graph)
    three_quarters, quarter = (rooms("generic", ram=whole.costs.ram * share // 100) for share in (75, 25))
    assert rooms("generic").limits(graph, SIZE).arena is None
    assert three_quarters.limits(graph, SIZE).arena is None  # what it costs is metadata alone
    room = quarter.limits(graph, SIZE).arena
    assert room is not None
    assert room < whole.plan.arena_size


def test_bands_that_take_much_of_a_small_blob_are_not_worth_it(graph: Graph) -> None:
    whole = rooms("generic").built(graph)
    tight = rooms("generic", ram=whole.costs.ram * 3 // 4)
    assert tight.limits(graph, 8000).arena is not None
