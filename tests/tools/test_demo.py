"""`make demo`, as the README shows it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_answer_is_changed_by_hundreds_of_power_cuts() -> None:
    figures = ROOT / "build" / "demo.json"
    figures.unlink(missing_ok=True)
    result = subprocess.run([sys.executable, ROOT / "tools" / "demo.py"], capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    found = json.loads(figures.read_text())
    assert found["power_cuts"] > 200
    assert found["mismatches"] == 0
    assert found["device_accuracy"] == found["int8_accuracy"] > 0.95
    assert f"{found['power_cuts']}" in result.stdout
