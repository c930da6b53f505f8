"""freeml-pack with early exits, from a trained network to the report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from freeml_pack.engine import Engine, Session
from freeml_pack.graph import NEVER
from torch import nn


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has learned to tell noisy patterns, and the data."""
    folder = tmp_path_factory.mktemp("exits")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    patterns = rng.integers(40, 200, (4, 4, 4)).repeat(3, 1).repeat(3, 2)
    y = rng.integers(0, 4, 1400)
    x = (patterns[y] + rng.normal(0, 60, (1400, 12, 12))).clip(0, 255).astype(np.uint8)
    layers = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(144, 4))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    inputs, labels = torch.from_numpy(x[:1000, None] / np.float32(255)), torch.from_numpy(y[:1000])
    for _ in range(6):
        for chosen in torch.randperm(1000).split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[chosen]), labels[chosen]).backward()
            optimizer.step()
    torch.export.save(torch.export.export(network.eval(), (torch.zeros(1, 1, 12, 12),)), folder / "net.pt2")
    np.savez(folder / "data.npz", x_train=x[:1000], y_train=y[:1000], x_test=x[1000:], y_test=y[1000:])
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "freeml_pack.cli", "net.pt2", "--report", "report.json", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_exits_by_default(folder: Path) -> None:
    result = run(folder, "--data", "data.npz", "-o", "net.fml")
    assert result.returncode == 0, result.stderr
    assert "early exits" in result.stdout
    report = json.loads((folder / "report.json").read_text())
    exits = report["exits"]
    assert 2 <= len(exits) <= 4
    assert [row["macs"] for row in exits] == sorted(row["macs"] for row in exits)
    assert exits[-1]["macs"] < report["macs"]
    assert all(abs(row["int8_accuracy"] - row["float_accuracy"]) < 0.04 for row in exits)
    assert all(row["int8_accuracy"] > 0.5 for row in exits)
    assert exits[-1]["calibration_error"] < 0.15
    assert sum(row["share"] for row in exits) > 0.3
    with np.load(folder / "data.npz") as data:
        x, y = data["x_test"], data["y_test"]
    engine = Engine((folder / "net.fml").read_bytes())
    scores = engine.run_exits(x)
    measured = [(scores[:, d].argmax(1) == y).mean() for d in range(len(exits))]
    np.testing.assert_allclose(measured, [row["int8_accuracy"] for row in exits])
    assert [exit.threshold for exit in engine.exits] == [row["threshold"] for row in exits]
    session = Session(engine, bytearray(engine.nvm_size))
    session.start(x[0])
    while session.exits == 0:
        assert not session.step(1)
    session.exit_now()
    assert np.array_equal(session.output(), scores[0, 0])


def test_which_exits(folder: Path) -> None:
    assert run(folder, "--data", "data.npz", "--exits", "none", "--quiet").returncode == 0
    assert json.loads((folder / "report.json").read_text())["exits"] == []
    assert run(folder, "--data", "data.npz", "--exits", "1", "--max-drop", "0", "--no-compress").returncode == 2
    assert run(folder, "--data", "data.npz", "--exits", "1", "--quiet").returncode == 0
    (only,) = json.loads((folder / "report.json").read_text())["exits"]
    assert 0 <= only["threshold"] <= NEVER
    result = run(folder, "--exits", "2")
    assert result.returncode == 2
    assert "--exits asks for early exits, but there is no --data" in result.stderr
    result = run(folder, "--data", "data.npz", "--exits", "17,x")
    assert result.returncode == 2
    assert "is no place for an exit: choose from" in result.stderr
