"""The fuzz targets of native/fuzz under gcc's sanitizers: the committed corpus, then some thousand mutations of it.

FREEML_FUZZ_MUTATIONS: how many of each (default 5000). `make fuzz` is guided by coverage and goes on from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUZZ = ROOT / "native" / "fuzz"
MUTATIONS = int(os.environ.get("FREEML_FUZZ_MUTATIONS", "5000"))

pytestmark = pytest.mark.xdist_group("fuzz")  # built once


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is missing: the core cannot be built with sanitizers")
    out = tmp_path_factory.mktemp("fuzz")
    subprocess.run(["make", "--silent", "-C", str(FUZZ), "standalone", f"OUT={out}"], check=True)
    return out / "standalone"


def run(program: Path, max_size: int, crash: Path) -> dict[str, int]:
    """What the target counted. A failure names the input, the file `crash`."""
    corpus = sorted((FUZZ / "corpus" / program.name).iterdir())
    arguments = [str(MUTATIONS), "1", str(max_size), str(crash), *map(str, corpus)]
    result = subprocess.run([str(program), *arguments], capture_output=True, text=True)
    assert result.returncode == 0, f"input {crash}:\n{result.stderr[-4000:]}"
    counts = {name: int(number) for name, number in (word.split("=") for word in result.stdout.split())}
    assert counts["inputs"] == len(corpus) + MUTATIONS
    return counts


def test_blobs(programs: Path, tmp_path: Path) -> None:
    counts = run(programs / "blob", 8192, tmp_path / "crash")
    assert 0.15 * MUTATIONS < counts["opened"] < 0.7 * MUTATIONS  # both outcomes are exercised
    assert counts["too_large"] + counts["gaps"] < 0.3 * counts["opened"]  # most models that open are run, and compared
    assert counts["resumed"] > counts["opened"]
    assert counts["exits"] > 0.02 * counts["opened"]


def test_journals(programs: Path, tmp_path: Path) -> None:
    counts = run(programs / "journal", 400, tmp_path / "crash")
    assert counts["resumed"] > MUTATIONS
    assert min(counts["foreign"], counts["answers"], counts["failures"]) > 0.3 * MUTATIONS


def test_seeds_are_the_packer_s(tmp_path: Path) -> None:
    """make_corpus.py writes what is committed: the seeds are blobs of this version."""
    subprocess.run([sys.executable, FUZZ / "make_corpus.py", str(tmp_path)], check=True)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            committed = FUZZ / "corpus" / path.relative_to(tmp_path)
            assert committed.read_bytes() == path.read_bytes(), f"{committed}: run native/fuzz/make_corpus.py"
