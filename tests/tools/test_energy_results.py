"""`make energy-results`, as a person runs it, on the network that needs no data files and a trace of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="pictures are an optional extra: pip install 'freeml[picture]'")
ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    places = ["--work", str(folder / "work"), "--output", str(folder / "out"), "--traces", str(folder / "traces")]
    steering = ["--network", "digits", "--ratio", "1", "--hours", "0.2", "--jobs", "1", "--capacitance", "220uF,1mF,4.7mF"]
    command = [sys.executable, ROOT / "tools" / "energy_results.py", *places, *steering, *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("energy")
    (folder / "traces").mkdir()
    rows = "".join(f"{second},{0.0006 if second % 3 else 0.0}\n" for second in range(60))
    (folder / "traces" / "pulses.csv").write_text("time_s,power_w\n" + rows)
    result = run(folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def test_figures(folder: Path) -> None:
    cells = json.loads((folder / "out" / "energy.json").read_text())
    assert {cell["policy"] for cell in cells} == {"never", "fixed:1", "heads", "ours"}
    assert len({cell["capacitance"] for cell in cells}) == 3
    for cell in cells:
        assert 0 < cell["right"] <= cell["answers"]
        assert cell["mean_watts"] == pytest.approx(0.0004)
        assert cell["joules"] < cell["mean_watts"] * 3600 * cell["hours"]
        assert cell["right_per_hour"] == pytest.approx(cell["right"] / 0.2)
    smallest = {cell["policy"]: cell["right"] for cell in cells if cell["capacitance"] == pytest.approx(220e-6)}
    assert smallest["ours"] > 1.8 * max(right for policy, right in smallest.items() if policy != "ours")


def test_page_and_pictures(folder: Path) -> None:
    page = (folder / "out" / "energy.md").read_text()
    assert "| pulses | 400 uW | 4.7 mF |" in page
    for name in ("energy.png", "energy_voltage.png"):
        assert (folder / "out" / name).read_bytes().startswith(b"\x89PNG")
        assert f"({name})" in page


def test_second_run_takes_over(folder: Path) -> None:
    result = run(folder)
    assert result.returncode == 0, result.stderr
    assert "devices" not in result.stderr


def test_missing_traces(folder: Path) -> None:
    result = run(folder, "--traces", str(folder / "nowhere"))
    assert result.returncode == 2
    assert "energy-results: there is no" in result.stderr
    assert "Traceback" not in result.stderr
