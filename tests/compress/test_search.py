"""freeml-pack compresses, as a command: the demo network to a twentieth and less, with interruptions, and refusals."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import keyboard
import pytest
from freeml_pack.cli import main

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "examples" / "digits" / "digits_cnn.pt"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    write = runpy.run_path(str(ROOT / "examples" / "digits" / "data.py"))["write"]
    path: Path = write(tmp_path_factory.mktemp("digits") / "digits.npz")
    return path


def command(folder: Path, data: Path | None, *options: str) -> list[str]:
    given = [] if data is None else ["--data", str(data), "--scale", "1", "--exits", "none"]
    return [sys.executable, "-m", "freeml_pack.cli", str(MODEL), "-o", str(folder / "out.fml"), *given, *options]


def run(folder: Path, data: Path | None, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, data, *options), capture_output=True, text=True, timeout=300, env=ENVIRONMENT)


def pack(folder: Path, data: Path | None, *options: str) -> int:
    """The exit code, where nothing depends on how many threads there are."""
    return main(command(folder, data, *options)[3:])


def test_compresses_and_goes_on_after_interruptions(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--size", "2300", "--epochs", "6", "--seed", "3", "--report"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    done = run(whole, data, *small, str(whole / "report.json"))
    assert done.returncode == 0, done.stderr
    report = json.loads((whole / "report.json").read_text())
    assert report["int8_accuracy"] > 0.85
    assert report["training"]["accuracy_after"] > 0.85
    layers = report["training"]["layers"]
    assert len(layers) == 4
    assert sum(layer["bytes_after"] for layer in layers) < 2300
    assert min(layer["density"] for layer in layers) < 0.2

    work = parts / "work"
    interrupted = command(parts, data, *small, str(parts / "report.json"), "--work-dir", str(work))
    for stage in ("0-channels-1.pt", "0-weights.pt"):
        process = subprocess.Popen(interrupted, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, preexec_fn=keyboard.listen)
        while not (work / stage).exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 130, errors
        assert str(work) in errors
        assert len(errors.splitlines()) == 1
    assert not (parts / "out.fml").exists()
    assert run(parts, data, *small, str(parts / "report.json"), "--work-dir", str(work)).returncode == 0
    assert (parts / "out.fml").read_bytes() == (whole / "out.fml").read_bytes()

    assert pack(parts, data, "--size", "2400", "--epochs", "6", "--work-dir", str(work)) == 2
    assert "another search" in capsys.readouterr().err


def test_loses_no_more_accuracy_than_allowed(data: Path, tmp_path: Path) -> None:
    assert pack(tmp_path, data, "--max-drop", "5", "--epochs", "18", "--report", str(tmp_path / "report.json")) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["compression"] > 14
    assert report["training"]["accuracy_after"] >= report["training"]["accuracy_before"] - 0.05


def test_a_model_that_fits_is_not_trained(data: Path, tmp_path: Path) -> None:
    assert pack(tmp_path, data, "--size", "24KB", "--report", str(tmp_path / "report.json")) == 0
    assert json.loads((tmp_path / "report.json").read_text())["training"] is None


@pytest.mark.parametrize(
    ("options", "with_data", "message"),
    [
        (["--size", "2KB"], False, "--data with x_train and y_train"),
        (["--size", "2KB", "--no-compress"], True, "make the model smaller"),
        (["--max-drop", "1", "--no-compress"], True, "--no-compress forbids it"),
        (["--epochs", "3"], False, "no x_train with y_train"),
        (["--size", "500", "--epochs", "3"], True, "ask for a larger --size"),
        (
            ["--size", "2KB", "--ram", "100", "--target", "rp2040"],
            True,
            "bytes of RAM, and there are 100; ask for a larger --ram",
        ),
        (["--size", "tiny"], True, "number of bytes"),
        (["--max-drop", "101"], True, "number of points"),
        (["--epochs", "0"], True, "positive number"),
    ],
)
def test_refusals(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], with_data: bool, message: str
) -> None:
    code = pack(tmp_path, data if with_data else None, *options)
    errors = capsys.readouterr().err
    assert code == 2, errors
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert not list(tmp_path.iterdir())
