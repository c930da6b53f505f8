"""Which layers keep int8 weights, at the same size of the blob."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from freeml_pack import passes
from freeml_pack.compress.bits import layers_in_bytes
from freeml_pack.compress.network import Network
from freeml_pack.compress.rooms import Rooms
from freeml_pack.encodings import CODED
from freeml_pack.errors import PackError
from freeml_pack.frontend import load_model
from freeml_pack.graph import Conv2d, Graph
from freeml_pack.targets import load_target
from torch import nn

SIZE = 8400  # bytes of the blob: with codes for all weights some layers are dense, with int8 in one they have to be sparse
X = torch.randn(16, 1, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2),
    ]
    module = nn.Sequential(*layers, nn.ReLU(), nn.Flatten(), nn.Linear(32 * 49, 5)).eval()
    path: Path = tmp_path_factory.mktemp("bits") / "model.pt2"
    torch.export.save(torch.export.export(module, (torch.zeros(1, 1, 32, 32),)), path)
    return passes.standard(load_model(path).graph)


def rooms(ram: int | None = None) -> Rooms:
    """ram: of a core that gathers the windows of several pixels where weights are sparse, with the arena in mapped memory."""
    if ram is None:
        return Rooms(load_target("msp430fr5994"), X)
    return Rooms(replace(load_target("rp2040"), nvm_mapped=True, ram_bytes=ram), X)


def loss(graph: Graph, original: Graph) -> float:
    with torch.no_grad():
        return float((Network(graph).eval()(X) - Network(original).eval()(X)).square().mean())


def test_layers_in_bytes_have_them_in_the_blob(graph: Graph) -> None:
    room = rooms()
    for layer in sorted(room.layers_in_codes(graph)):
        built = room.built(room.coded(room.pruned(graph, SIZE, frozenset({layer})), frozenset({layer})))
        for op in built.graph.ops:
            if isinstance(op, Conv2d) and op.output in room.layers_in_codes(graph):
                assert (op.encoding in CODED) == (op.output != layer)
        assert 0.99 * SIZE <= len(built.blob) <= SIZE  # all that there is room for stays


def test_they_come_closer_to_the_original(graph: Graph) -> None:
    room, size = rooms(), 11_600  # more than all layers' codes take
    chosen = layers_in_bytes(graph, size, room, lambda made: loss(made, graph))
    assert chosen
    codes, some_bytes = (room.coded(room.pruned(graph, size, layers), layers) for layers in (frozenset[str](), chosen))
    assert loss(some_bytes, graph) < loss(codes, graph)


def test_those_that_the_ram_has_no_room_for_are_not_chosen(graph: Graph) -> None:
    room = rooms(ram=2000)
    with pytest.raises(PackError, match="bytes of RAM"):
        room.pruned(graph, SIZE, frozenset({"5"}))
    chosen = layers_in_bytes(graph, SIZE, room, lambda made: loss(made, graph))
    assert room.has_room_for(room.coded(room.pruned(graph, SIZE, chosen), chosen), SIZE)
