"""int8 stays within a point of float on real data, for networks of many shapes: `make accuracy`, smaller."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("FREEML_DATA", ROOT.parent / "shared" / "data"))


def test_int8_within_a_point_of_float() -> None:
    if not (DATA / "fashion_mnist").exists() or not (DATA / "har_uci").exists():
        pytest.skip(f"Fashion-MNIST or HAR is absent in {DATA}; set FREEML_DATA to the folder that holds them")
    command = [sys.executable, ROOT / "tools" / "accuracy.py", "--data", DATA, "--train", "3000", "--test", "2000"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
