"""Whatever cannot be read is refused in one sentence that says what is wrong and what to do."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from freeml_pack.errors import PackError
from freeml_pack.frontend import load_model
from freeml_pack.frontend.export import from_module
from frontend.compare import write
from torch import Tensor, nn
from zoo import ZOO


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(PackError) as caught:
        load_model(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def numpy_archive() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros(3))
    return buffer.getvalue()


FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "text": (b"import torch\n", "is a text file"),
    "web page": (b"<!DOCTYPE html><html>", "is a web page"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
    "onnx": (b"\x08\x07\x12\x07pytorch\x1a\x052.1.0", "is an ONNX model"),
    "tflite": (b"\x1c\x00\x00\x00TFL3" + bytes(40), "is a TensorFlow Lite model"),
    "blob": (b"\x1c\x00\x00\x00FML1" + bytes(40), "is a FreeML blob already"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "is an HDF5 file"),
    "keras": (archive(**{"metadata.json": b"{}", "model.weights.h5": b""}), "is a Keras model"),
    "safetensors": ((30).to_bytes(8, "little") + b'{"w":{"dtype":"F32"}}', "is a damaged safetensors file"),
    "numpy": (b"\x93NUMPY\x01\x00", "is a NumPy array"),
    "npz": (numpy_archive(), "is a NumPy archive"),
    "zip": (archive(readme=b"hello"), "is a zip archive without a PyTorch model"),
    "aot": (archive(**{"m/archive_format": b"pt2", "m/data/aotinductor/a.so": b""}), "compiled code"),
    "noise": (bytes(range(255, 0, -1)), "is not a model file that FreeML knows"),
    "broken pickle": (b"\x80\x02}q\x00(X", "damaged or incomplete checkpoint"),
    "broken TorchScript": (archive(**{"m/constants.pkl": b"", "m/data.pkl": b"", "m/code/x.py": b""}), "damaged TorchScript"),
    "broken export": (archive(**{"serialized_exported_program.json": b"{"}), "cannot be read by torch"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_model(name: str, tmp_path: Path) -> None:
    content, message = FILES[name]
    assert message in refusal(write(tmp_path / "model.pt", content))


def test_no_file_and_a_directory(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "absent.pt")
    assert "is a directory" in refusal(tmp_path)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_truncated_archives(share: float, tmp_path: Path) -> None:
    module, shape = ZOO["mlp"]()
    whole = tmp_path / "whole.pt"
    torch.export.save(torch.export.export(module, (torch.randn(1, *shape),)), whole)
    content = whole.read_bytes()
    assert "incomplete archive" in refusal(write(tmp_path / "cut.pt", content[: int(len(content) * share)]))


def test_a_pickled_module_needs_permission(tmp_path: Path) -> None:
    module, shape = ZOO["plain_cnn"]()
    for zipped in (True, False):
        torch.save(module, tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)
        text = refusal(tmp_path / "model.pt", input_shape=shape)
        assert "zoo.PlainCnn" in text
        assert "--allow-pickle" in text


def test_a_pickled_module_whose_source_is_gone(tmp_path: Path) -> None:
    module, shape = ZOO["plain_cnn"]()
    torch.save(module, tmp_path / "model.pt", _use_new_zipfile_serialization=False)
    content = (tmp_path / "model.pt").read_bytes().replace(b"PlainCnn", b"PlainCno")
    text = refusal(write(tmp_path / "model.pt", content), input_shape=shape, allow_pickle=True)
    assert "source is missing" in text


def test_shapes_that_are_missing_or_wrong(tmp_path: Path) -> None:
    module, shape = ZOO["cnn_bn"]()
    torch.jit.save(torch.jit.script(module), tmp_path / "script.pt")
    assert "--input-shape" in refusal(tmp_path / "script.pt")
    assert "forward() fails for an input of shape (1, 3, 8, 8)" in refusal(tmp_path / "script.pt", input_shape=(3, 8, 8))
    torch.save(module, tmp_path / "module.pt")
    options: dict[str, Any] = {"allow_pickle": True}
    assert "forward() fails for an input of shape (1, 9, 9)" in refusal(tmp_path / "module.pt", input_shape=(9, 9), **options)
    torch.export.save(torch.export.export(module, (torch.randn(1, *shape),)), tmp_path / "program.pt")
    text = refusal(tmp_path / "program.pt", input_shape=(1, 28, 28))
    assert "exported for samples of shape (3, 32, 32), but the data or --input-shape says (1, 28, 28)" in text


# --- Models that cannot become a graph


class Call(nn.Module):
    """forward() is any function; it starts with a layer so that the message has something to name."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.features = nn.Linear(6, 6)
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(self.features(x))


class TwoInputs(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class Scrambled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("order", torch.randperm(97, generator=torch.Generator().manual_seed(0)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x[:, self.order])


def negative_variance() -> nn.Module:
    layer = nn.BatchNorm2d(2)
    layer.running_var.fill_(-1.0)
    return layer


MODELS: dict[str, tuple[nn.Module, tuple[int, ...], str]] = {
    "two inputs": (TwoInputs(), (6,), "forward() takes 2 inputs (x, y)"),
    "two outputs": (Call(lambda x: (x, 2 * x)), (6,), "forward() returns 2 values"),
    "constant output": (Call(lambda x: torch.ones(1, 3)), (6,), "does not depend on its input"),
    "embedding": (nn.Sequential(nn.Embedding(9, 3)), (6,), "takes integers"),
    "branch on data": (Call(lambda x: x if x.sum() > 0 else -x), (6,), "decides by the values of its input"),
    "class numbers": (Call(lambda x: x.argmax(1)), (6,), "return the class scores"),
    "softmax inside": (Call(lambda x: x.softmax(1) + 1), (6,), "softmax in the middle"),
    "softmax over space": (nn.Sequential(nn.Conv2d(1, 2, 1), nn.Softmax(1)), (1, 4, 4), "is not over all class scores"),
    "unknown operator": (nn.Sequential(nn.Linear(6, 6), nn.LayerNorm(6)), (6,), "layer '1' (aten.layer_norm)"),
    "recurrent": (Call(lambda x: torch.cumsum(x, 1)), (6,), "layer 'cumsum' (aten.cumsum): this operator is not supported"),
    "attention": (Call(lambda x: x @ x.T), (6,), "attention?"),
    "mean over the batch": (Call(lambda x: x.mean(0)), (6,), "over the batch"),
    "padding with ones": (nn.Sequential(nn.ConstantPad2d(1, 1.0), nn.Conv2d(1, 1, 3)), (1, 5, 5), "pad with zeros"),
    "upsampling by a fraction": (
        nn.Sequential(nn.Upsample(8, mode="bilinear"), nn.Conv2d(1, 1, 3)),
        (1, 5, 5),
        "use a whole factor",
    ),
    "three-dimensional": (nn.Sequential(nn.Conv3d(1, 1, 3)), (1, 5, 5, 5), "layer '0' (aten.conv3d)"),
    "negative variance": (negative_variance(), (2, 5, 5), "running variance is negative"),
    "batch norm without statistics": (
        nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2, track_running_stats=False)),
        (1, 5, 5),
        "without running statistics",
    ),
    "division by data": (Call(lambda x: 1 / x), (6,), "reciprocal"),
    "no regular pattern": (nn.Sequential(nn.Linear(6, 97), Scrambled()), (6,), "follow no regular pattern"),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_that_cannot_be_packed(name: str) -> None:
    module, shape, message = MODELS[name]
    with pytest.raises(PackError, match=re.escape(message)) as caught:
        from_module(module, "model", "state_dict", shape)
    assert "\n" not in str(caught.value)


def test_integer_input_of_an_exported_program(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Embedding(9, 3), nn.Flatten())
    torch.export.save(torch.export.export(module, (torch.zeros(1, 4, dtype=torch.int64),)), tmp_path / "model.pt2")
    assert "takes int64 numbers" in refusal(tmp_path / "model.pt2")


def test_weights_that_are_not_finite(tmp_path: Path) -> None:
    module, shape = ZOO["mlp"]()
    module[3].weight.data[0, 0] = float("inf")
    torch.export.save(torch.export.export(module, (torch.randn(1, *shape),)), tmp_path / "model.pt2")
    assert "NaN or infinity in '3.weight'" in refusal(tmp_path / "model.pt2")
