"""state_dicts with the class named by --model: wrappings, prefixes, ways to name the class."""

from __future__ import annotations

import argparse
import collections
import json
import pickle
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
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


def optimizer_state() -> dict[str, Any]:
    module = nn.Linear(2, 2)
    module(torch.ones(1, 2)).sum().backward()
    optimizer = torch.optim.Adam(module.parameters())
    optimizer.step()
    return optimizer.state_dict()


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
    "with a profiler's counts": lambda state: {**state, "total_ops": torch.zeros(1), "0.total_params": torch.zeros(1)},
    "unusual key": lambda state: {"epoch": 3, "student": {"best": state}},
    "beside an optimizer": lambda state: (state, optimizer_state()),
    "unusual prefix": lambda state: {f"encoder.body.{name}": tensor for name, tensor in state.items()},
    "beside a loss": lambda state: {**{f"net.{name}": t for name, t in state.items()}, "criterion.weight": torch.ones(3)},
    "arrays": lambda state: {name: tensor.numpy() for name, tensor in state.items()},
    "sparse": lambda state: {name: tensor.to_sparse() if tensor.ndim == 2 else tensor for name, tensor in state.items()},
    "notes of a training script": lambda state: {
        "state_dict": state,
        "accuracy": np.float64(91.2),
        "curve": np.arange(3),
        "args": argparse.Namespace(lr=0.1, out=Path("runs")),
        "log": collections.defaultdict(list),
    },
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
        (lambda state: state.update({"0.bias": state["0.bias"].to("meta")}), "'0.bias' in the file holds no numbers"),
        (lambda state: state.update({"0.bias": state["0.bias"].cfloat()}), "'0.bias' in the file holds complex numbers"),
        (lambda state: state["0.bias"].fill_(float("nan")), "NaN or infinity in '0.bias'"),
    ],
)
def test_weights_that_do_not_fit(folder: Path, change: Callable[[dict[str, Any]], Any], message: str) -> None:
    state = network().state_dict()
    change(state)
    with pytest.raises(PackError, match=re.escape(message)):
        load(state)


@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (lambda state: {"generator": state, "critic": state}, r"2 sets of weights \(generator, critic\); save the one"),
        (
            lambda state: {f"{part}.{n}": t for part in ("a", "b") for n, t in state.items()},
            r"two parts of the file, 'a\.' and 'b\.'",
        ),
        (lambda state: optimizer_state(), "holds no weights"),
    ],
)
def test_checkpoints_that_leave_a_choice(folder: Path, wrap: Callable[[dict[str, Any]], Any], message: str) -> None:
    with pytest.raises(PackError, match=message):
        load(wrap(network().state_dict()))


def test_foreign_objects_beside_the_weights_need_permission(folder: Path) -> None:
    module = network()
    with pytest.raises(PackError, match=r"class uuid.UUID in it.*--allow-pickle"):
        load({"state_dict": module.state_dict(), "run": uuid.uuid4()})
    loaded = load_model("weights.pt", model_spec="net.py:Net", input_shape=SHAPE, allow_pickle=True)
    check_loaded(loaded, module, samples(SHAPE))


def test_plain_pickles_need_permission(folder: Path) -> None:
    module = network()
    Path("weights.pkl").write_bytes(pickle.dumps({name: tensor.numpy() for name, tensor in module.state_dict().items()}))
    with pytest.raises(PackError, match="--allow-pickle"):
        load_model("weights.pkl", model_spec="net.py:Net", input_shape=SHAPE)
    loaded = load_model("weights.pkl", model_spec="net.py:Net", input_shape=SHAPE, allow_pickle=True)
    check_loaded(loaded, module, samples(SHAPE))


def write_safetensors(path: Path, state: dict[str, torch.Tensor]) -> None:
    names = {torch.float32: "F32", torch.bfloat16: "BF16", torch.int64: "I64"}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    content = b""
    for name, tensor in state.items():
        raw = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        ends = [len(content), len(content) + len(raw)]
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": ends}
        content += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


def test_safetensors(folder: Path) -> None:
    module = network()
    state = {**module.state_dict(), "4.bias": module.state_dict()["4.bias"].bfloat16()}
    module[4].bias.data = state["4.bias"].float()
    write_safetensors(folder / "weights.safetensors", state)
    loaded = load_model("weights.safetensors", model_spec="net.py:Net", input_shape=SHAPE)
    assert loaded.kind == "safetensors file"
    check_loaded(loaded, module, samples(SHAPE))
    whole = (folder / "weights.safetensors").read_bytes()
    for damaged in (whole[:-1], whole[:30], whole.replace(b"F32", b"F31")):
        (folder / "weights.safetensors").write_bytes(damaged)
        with pytest.raises(PackError, match="is a damaged safetensors file"):
            load_model("weights.safetensors", model_spec="net.py:Net", input_shape=SHAPE)


def test_input_shape_is_asked_for(folder: Path) -> None:
    torch.save(network().state_dict(), "weights.pt")
    with pytest.raises(PackError, match="give --data, or --input-shape"):
        load_model("weights.pt", model_spec="net.py:Net")
