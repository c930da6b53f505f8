"""`make compress-results`, as a person runs it, on the network that needs no data files."""

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
    places = ["--work", str(folder / "work"), "--output", str(folder / "out"), "--data", str(folder / "no data")]
    command = [sys.executable, ROOT / "tools" / "compress_results.py", *places, *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    result = run(folder, "--only", "digits", "--epochs", "3", "--ratios")
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def test_figures_are_those_of_the_blob(folder: Path) -> None:
    [row] = json.loads((folder / "out" / "compress.json").read_text())
    [packed] = row["packed"]
    blob = folder / "work" / "digits" / f"{packed['asked']}.fml"
    assert packed["blob_bytes"] == blob.stat().st_size
    assert packed["ratio"] == pytest.approx(packed["float32_bytes"] / packed["blob_bytes"])
    assert packed["samples"] == 300
    assert packed["float_accuracy"] == pytest.approx(0.98, abs=1e-6)
    assert row["sparsecomp"][0]["test"] == pytest.approx(packed["float_accuracy"])  # both begin with the same network
    assert [point["epochs"] for point in row["sparsecomp"]] == [0, 1, 2, 3]


def test_page_shows_the_figures(folder: Path) -> None:
    [row] = json.loads((folder / "out" / "compress.json").read_text())
    page = (folder / "out" / "compress.md").read_text()
    shown = next(line for line in page.splitlines() if "examples/digits" in line and line.startswith("|"))
    packed = row["packed"][0]
    for text in (f"{packed['blob_bytes']:,}", f"{packed['accuracy']:.2%}", f"{packed['peak_ram_bytes']:,}"):
        assert f" {text} " in shown
    assert "](compress.png)" in page
    assert (folder / "out" / "compress.png").read_bytes().startswith(b"\x89PNG")


def test_second_run_takes_over(folder: Path) -> None:
    blob = folder / "work" / "digits" / "int8.fml"
    report, made = (folder / "out" / "compress.json").read_text(), blob.stat().st_mtime_ns
    result = run(folder, "--only", "digits", "--epochs", "3", "--ratios")
    assert result.returncode == 0, result.stderr
    assert "SparseComp" not in result.stderr  # not run again
    assert (blob.stat().st_mtime_ns, (folder / "out" / "compress.json").read_text()) == (made, report)


def test_missing_data_is_one_sentence(tmp_path: Path) -> None:
    result = run(tmp_path, "--only", "har")
    assert result.returncode == 2
    assert "FREEML_DATA" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()
