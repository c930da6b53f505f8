"""Every file format, however the file is called."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from freeml_pack.frontend import load_model
from frontend.compare import check_loaded, samples
from torch import Tensor, nn
from zoo import ZOO, randomize

NETWORKS = ("cnn_bn", "resnet_a", "mlp_bn", "cnn_1d", "squeezenet")


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> tuple[nn.Module, tuple[int, ...]]:
    return ZOO[request.param]()


def dynamic_batch() -> tuple[dict[int, torch.export.Dim]]:
    return ({0: torch.export.Dim("batch")},)


@pytest.mark.parametrize("batch", [1, 3, None], ids=["batch of 1", "batch of 3", "any batch"])
def test_exported_program(network: tuple[nn.Module, tuple[int, ...]], batch: int | None, tmp_path: Path) -> None:
    module, shape = network
    path = tmp_path / "model.pt2"
    example = torch.randn(batch or 2, *shape)
    torch.export.save(torch.export.export(module, (example,), dynamic_shapes=None if batch else dynamic_batch()), path)
    loaded = load_model(path.rename(tmp_path / "model.bin"))
    assert (loaded.kind, loaded.input_shape) == ("torch.export program", shape)
    check_loaded(loaded, module, samples(shape, 5))


def test_exported_with_a_named_input(tmp_path: Path) -> None:
    class Named(nn.Linear):
        def forward(self, *, features: Tensor) -> Tensor:  # type: ignore[override]
            return super().forward(features)

    module = Named(5, 3)
    torch.export.save(torch.export.export(module, (), {"features": torch.randn(1, 5)}), tmp_path / "model.pt2")
    plain = nn.Linear(5, 3)
    plain.load_state_dict(module.state_dict())
    check_loaded(load_model(tmp_path / "model.pt2"), plain, samples((5,)))


def test_exported_in_training_mode(network: tuple[nn.Module, tuple[int, ...]], tmp_path: Path) -> None:
    module, shape = network
    training = copy.deepcopy(module).train()
    program = torch.export.export(training, (torch.randn(4, *shape),), dynamic_shapes=dynamic_batch())
    torch.export.save(program, tmp_path / "model.pt2")
    check_loaded(load_model(tmp_path / "model.pt2"), module, samples(shape))


def test_exported_and_decomposed(network: tuple[nn.Module, tuple[int, ...]], tmp_path: Path) -> None:
    module, shape = network
    program = torch.export.export(module, (torch.randn(1, *shape),)).run_decompositions()
    torch.export.save(program, tmp_path / "model.pt2")
    check_loaded(load_model(tmp_path / "model.pt2"), module, samples(shape))


def test_exported_without_a_batch_axis(tmp_path: Path) -> None:
    module, shape = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(0), nn.Linear(48, 4)).eval(), (2, 6, 6)
    torch.export.save(torch.export.export(module, (torch.randn(shape),)), tmp_path / "model.pt2")
    loaded = load_model(tmp_path / "model.pt2")
    assert loaded.input_shape == shape
    batched = nn.Sequential(module[0], module[1], nn.Flatten(1), module[3])
    check_loaded(loaded, batched, samples(shape))


@pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
def test_traced(network: tuple[nn.Module, tuple[int, ...]], training: bool, tmp_path: Path) -> None:
    module, shape = network
    state = copy.deepcopy(module.state_dict())
    script = torch.jit.trace(copy.deepcopy(module).train(training), torch.randn(2, *shape), check_trace=False)
    script.load_state_dict(state)  # tracing in training mode has changed the statistics
    torch.jit.save(script, tmp_path / "model.pt")
    loaded = load_model(tmp_path / "model.pt", input_shape=shape)
    assert (loaded.kind, loaded.input_shape) == ("TorchScript", shape)
    check_loaded(loaded, module, samples(shape))


def test_scripted(network: tuple[nn.Module, tuple[int, ...]], tmp_path: Path) -> None:
    module, shape = network
    torch.jit.save(torch.jit.script(module), tmp_path / "model.pt")
    check_loaded(load_model(tmp_path / "model.pt", input_shape=shape), module, samples(shape))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    "wrap", [lambda m: m, nn.DataParallel, lambda m: {"epoch": 3, "model": m}], ids=["plain", "parallel", "dict"]
)
def test_pickled_module(zipped: bool, wrap: object, tmp_path: Path) -> None:
    module, shape = ZOO["cnn_bn"]()
    torch.save(wrap(module), tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)  # type: ignore[operator]
    loaded = load_model(tmp_path / "model.pt", input_shape=shape, allow_pickle=True)
    assert loaded.kind == "pickled module"
    check_loaded(loaded, module, samples(shape))


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(6, 3))
    torch.save(module.half(), tmp_path / "model.pt")
    loaded = load_model(tmp_path / "model.pt", input_shape=(6,), allow_pickle=True)
    check_loaded(loaded, copy.deepcopy(module).float(), samples((6,)))


def test_module_written_for_a_batch_of_one(tmp_path: Path) -> None:
    class One(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = randomize(nn.Linear(24, 3))

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x.view(1, 24))

    class Any(One):
        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x.flatten(1))

    torch.export.save(torch.export.export(One(), (torch.randn(1, 2, 3, 4),)), tmp_path / "model.pt2")
    check_loaded(load_model(tmp_path / "model.pt2"), Any(), samples((2, 3, 4)))
