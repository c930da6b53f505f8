"""The README's three commands from model.pt to a prediction, exactly as they stand there, on an emulated board."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from boards.conftest import start
from boards.emulator import ROOT

pytestmark = pytest.mark.xdist_group("boards")
DIGITS = ROOT / "examples" / "digits"
PORT = "/dev/ttyACM0"


def commands() -> list[str]:
    """The first block of the section."""
    section = (ROOT / "README.md").read_text().partition("## On a board\n")[2]
    block = section.partition("\n    ")[2].partition("\n\n")[0]
    return [line.strip() for line in block.splitlines()]


def test_three_commands(source: Path, tmp_path: Path) -> None:
    emulator = start("m3", source, tmp_path)
    emulator.install({})
    shutil.copy(DIGITS / "digits_cnn.pt", tmp_path / "model.pt")
    subprocess.run([sys.executable, DIGITS / "data.py", tmp_path / "digits.npz"], check=True, capture_output=True)
    with np.load(tmp_path / "digits.npz") as digits:
        np.savez(tmp_path / "data.npz", **{k: v.astype(np.float32) if k[0] == "x" else v for k, v in digits.items()})
    lines = commands()
    assert [line.split()[0] for line in lines] == ["freeml-pack", "freeml-deploy", "mpremote"]
    said = []
    with emulator.serial() as port:
        for line in lines:
            environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
            command = line.replace(PORT, port)
            result = subprocess.run(
                command, shell=True, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=200
            )
            assert result.returncode == 0, result.stderr + result.stdout
            said.append(result.stdout)
    assert said[1].count("the same bytes as on this computer") == 10
    right = [line for line in said[1].splitlines() if line.startswith("sample ") and _label(line, 3) == _label(line, 8)]
    assert len(right) >= 9, said[1]
    assert said[2].startswith("Prediction(label=")


def _label(line: str, word: int) -> str:
    """sample 0: label 7, label in the data 7; the same ..."""
    return line.split()[word].strip(",;")
