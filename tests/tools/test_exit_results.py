"""`make exit-results`, as a person runs it, on the network that needs no data files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    places = ["--work", str(folder / "work"), "--output", str(folder / "out"), "--data", str(folder / "no data")]
    command = [sys.executable, ROOT / "tools" / "exit_results.py", *places, "--ratio", "1", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exits")
    result = run(folder, "--only", "digits")
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def test_figures(folder: Path) -> None:
    [row] = json.loads((folder / "out" / "exits.json").read_text())
    assert row["samples"] == 300
    assert row["accuracy"] == pytest.approx(0.98, abs=0.005)
    for exit in row["exits"]:
        assert abs(exit["ours"] - exit["ours_float"]) < 0.02
        assert min(exit["separate"], exit["gnet"], exit["gnet_taught"]) > exit["ours"] - 0.05, "rivals are trained in earnest"
        assert exit["full"] > exit["separate"], "whole maps say more than pooled ones"
    assert row["full_bytes"] == 10 * (4 * 4 * 24 + 8), "of one exit, behind features.6"
    assert row["memory_ratio"] == pytest.approx(row["full_bytes"] / (row["added_blob"] + row["added_nvm"]))


def test_page_shows_the_figures(folder: Path) -> None:
    [row] = json.loads((folder / "out" / "exits.json").read_text())
    page = (folder / "out" / "exits.md").read_text()
    exit = row["exits"][0]
    for text in (
        f"**{exit['ours']:.2%}**",
        f"{exit['separate']:.2%}",
        f"{row['added_blob']:,}",
        f"{row['early_accuracy']:.2%}",
    ):
        assert f" {text} " in page


def test_second_run_takes_over(folder: Path) -> None:
    report = (folder / "out" / "exits.json").read_text()
    result = run(folder, "--only", "digits")
    assert result.returncode == 0, result.stderr
    assert "training" not in result.stderr
    assert (folder / "out" / "exits.json").read_text() == report
    assert "training gNet" in run(folder, "--only", "digits", "--again").stderr


def test_missing_data(folder: Path) -> None:
    result = run(folder, "--only", "kws_m")
    assert result.returncode == 2
    assert "set FREEML_DATA" in result.stderr
    assert "Traceback" not in result.stderr
