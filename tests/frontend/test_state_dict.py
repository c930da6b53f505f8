"""state_dicts with the class named by --model: wrappings, prefixes, ways to name the class."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from freeml_pack.errors import PackError
from freeml_pack.frontend import load_model
from frontend.compare import check_loaded, samples
from torch import nn
from zoo import randomize

SHAPE = (2, 6, 6)
SOURCE = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, classes=4, width=5):
        super().__init__(nn.Conv2d(2, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(), nn.Linear(width * 16, classes))

def make():
    return Net(4)

class Zoo:
    Inner = Net

number = 7

def explode():
    raise ValueError("no luck")
"""


def network(classes: int = 4) -> nn.Sequential:
    layers = [nn.Conv2d(2, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(80, classes)]
    module = nn.Sequential(*layers)
    randomize(module)
    return module


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(content: Any, spec: str | None = "net.py:Net", **options: Any) -> Any:
    torch.save(content, "weights.pt", **options)
    return load_model("weights.pt", model_spec=spec, input_shape=SHAPE)


WRAPPINGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "plain": lambda state: state,
    "checkpoint": lambda state: {"epoch": 3, "state_dict": state, "optimizer": {"lr": 0.1}},
    "model_state_dict": lambda state: {"model_state_dict": state, "loss": torch.tensor(1.0)},
    "model": lambda state: {"model": state},
    "net": lambda state: {"net": state, "acc": 91.0},
    "weights": lambda state: {"weights": state},
    "nested twice": lambda state: {"model": {"state_dict": state}},
    "list": lambda state: [state],
    "DataParallel": lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    "compiled in parallel": lambda state: {f"module._orig_mod.{name}": tensor for name, tensor in state.items()},
    "lightning": lambda state: {"state_dict": {f"model.{name}": tensor for name, tensor in state.items()}},
    "without counters": lambda state: {name: tensor for name, tensor in state.items() if "num_batches" not in name},
    "with another counter": lambda state: {**state, "9.num_batches_tracked": torch.tensor(3)},
    "half": lambda state: {name: tensor.half() for name, tensor in state.items()},
}


@pytest.mark.parametrize("name", WRAPPINGS)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_wrapping(folder: Path, name: str, zipped: bool) -> None:
    module = network()
    loaded = load(WRAPPINGS[name](module.state_dict()), _use_new_zipfile_serialization=zipped)
    assert loaded.kind == "state_dict"
    if name != "half":
        check_loaded(loaded, module, samples(SHAPE))


@pytest.mark.parametrize(
    "spec",
    [
        "net.py:Net",
        "net:Net",
        "./net.py:Net",
        "net.py:make",
        "net.py:Zoo.Inner",
        "net.py:Net(4)",
        "net.py:Net(classes=4, width=5)",
    ],
)
def test_ways_to_name_the_class(folder: Path, spec: str) -> None:
    module = network()
    check_loaded(load(module.state_dict(), spec), module, samples(SHAPE))


def test_arguments_reach_the_class(folder: Path) -> None:
    module = network(classes=9)
    check_loaded(load(module.state_dict(), "net.py:Net(9)"), module, samples(SHAPE))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (None, "name the class that they belong to with --model"),
        ("net.py", "is not of the form module:Class"),
        ("net.py:Nets", "has no 'Nets'; it has Net"),
        ("other.py:Net", "there is no file other.py"),
        ("absent.module:Net", "No module named 'absent'"),
        ("net.py:number", "calling number fails"),
        ("net.py:explode", "no luck"),
        ("net.py:Net(open)", "must be plain numbers"),
        ("net.py:Net(1", "is not of the form"),
        ("net.py:Net(**{})", "must be plain numbers"),
        ("net.py:Net(7)", "'4.weight' is (4, 80) in the file and (7, 80) in the class and 1 more differ"),
        ("broken.py:Net", "importing broken.py fails (SyntaxError"),
        ("leaving.py:Net", "importing leaving.py fails (SystemExit"),
        ("argparse:Namespace", "gives a Namespace, not a torch.nn.Module"),
    ],
)
def test_bad_class(folder: Path, spec: str | None, message: str) -> None:
    (folder / "broken.py").write_text("class Net(:")
    (folder / "leaving.py").write_text("import sys; sys.exit(3)")
    with pytest.raises(PackError, match=re.escape(message)):
        load(network().state_dict(), spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("4.bias"), "the file has no '4.bias'; use"),
        (lambda state: (state.pop("0.weight"), state.pop("4.bias")), "the file has no '0.weight' and 1 more differ; use"),
        (lambda state: state.update(extra=torch.zeros(1)), "the class has no 'extra'; use"),
        (lambda state: state.clear(), "holds no weights"),
        (lambda state: state["0.bias"].fill_(float("nan")), "NaN or infinity in '0.bias'"),
    ],
)
def test_weights_that_do_not_fit(folder: Path, change: Callable[[dict[str, Any]], Any], message: str) -> None:
    state = network().state_dict()
    change(state)
    with pytest.raises(PackError, match=re.escape(message)):
        load(state)


def test_foreign_objects_beside_the_weights_need_permission(folder: Path) -> None:
    module = network()
    with pytest.raises(PackError, match=r"class argparse.Namespace in it.*--allow-pickle"):
        load({"state_dict": module.state_dict(), "args": argparse.Namespace(lr=1)})
    loaded = load_model("weights.pt", model_spec="net.py:Net", input_shape=SHAPE, allow_pickle=True)
    check_loaded(loaded, module, samples(SHAPE))


def test_input_shape_is_asked_for(folder: Path) -> None:
    torch.save(network().state_dict(), "weights.pt")
    with pytest.raises(PackError, match="give --data, or --input-shape"):
        load_model("weights.pt", model_spec="net.py:Net")
