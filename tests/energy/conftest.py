"""The demo network, packed once for the MSP430 by the real command, with its data."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Demo:
    blob: Path
    data: Path


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    demo = Demo(folder / "digits.fml", folder / "digits.npz")
    example = ROOT / "examples" / "digits"
    subprocess.run([sys.executable, example / "data.py", demo.data], check=True, capture_output=True)
    command = [sys.executable, "-m", "freeml_pack.cli", example / "digits_cnn.pt", "--data", demo.data, "--scale", "1"]
    subprocess.run([*command, "--target", "msp430fr5994", "--samples", "10", "--quiet", "-o", demo.blob], check=True)
    return demo
