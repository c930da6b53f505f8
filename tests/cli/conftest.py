"""One small network with everything a user may have of it: all model formats and the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

NET = """\
from torch import nn


class Net(nn.Sequential):
    def __init__(self, classes=3):
        super().__init__(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, classes)
        )
"""


@dataclass(frozen=True)
class Kit:
    """Paths: the module with the class, the model in each format, the data, and a data file without labels."""

    source: Path
    exported: Path
    scripted: Path
    weights: Path
    pickled: Path
    data: Path
    unlabelled: Path
    model: torch.nn.Module


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    folder = tmp_path_factory.mktemp("kit")
    source = folder / "net.py"
    source.write_text(NET)
    model = make_model(source)
    paths = [folder / name for name in ("exported.pt2", "scripted.pt", "weights.pth", "pickled.pt", "data.npz", "x.npz")]
    kit = Kit(source, *paths, model)
    example = torch.zeros(1, 1, 8, 8)
    torch.export.save(torch.export.export(model, (example,)), kit.exported)
    torch.jit.trace(model, example).save(str(kit.scripted))
    torch.save(model.state_dict(), kit.weights)
    torch.save(torch.nn.Sequential(*model), kit.pickled)
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (80, 8, 8), np.uint8)
    with torch.no_grad():  # the model's own answers are the truth: its float accuracy is 1
        y = model(torch.tensor(x[:, None] / np.float32(255))).argmax(1).numpy()
    np.savez(kit.data, x_train=x[:48], y_train=y[:48], x_test=x[48:], y_test=y[48:])
    np.savez(kit.unlabelled, x_train=x[:48], x_test=x[48:])
    return kit


def make_model(source: Path) -> torch.nn.Module:
    names: dict[str, type[torch.nn.Module]] = {}
    exec(source.read_text(), names)
    torch.manual_seed(0)
    model = names["Net"]()
    batch_norm = model[1]
    batch_norm.running_mean.uniform_(-0.5, 0.5)
    batch_norm.running_var.uniform_(0.5, 2.0)
    return model.eval()
