"""The power-cut campaign, a part of it: `make powerfail` is the whole. docs/powerfail.md"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import cases
from build import CORE, Build
from campaign import WITHOUT_CUT, is_killed, mutant_files, run, summary
from mutants import MUTANTS, Edit

pytestmark = pytest.mark.xdist_group("powerfail")

NAMES = (
    "chain-planned",
    "residual-planned",
    "concatenation-roomy",
    "every-kind-planned",
    "in-parts-planned",
    "separated-planned",
    "with-exits-planned",
)
OPTIONS = ("--samples", "2", "--stride", "5")
FEW = (
    "checksum-not-checked",
    "seal-not-checked",
    "record-before-data",
    "forced-commits-left-out",
    "idle-taken-for-granted",
    "boot-not-recorded",
    "answer-not-restored",
)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return Build(tmp_path_factory.mktemp("powerfail"))


@pytest.fixture(scope="module")
def files(build: Build) -> dict[str, Path]:
    return {case.name: case.write(build.folder) for case in (*cases.small_cases(), cases.commit_left_out())}


@pytest.fixture(scope="module")
def program(build: Build) -> Path:
    return build.program()


def test_no_cut_changes_an_answer(program: Path, files: dict[str, Path]) -> None:
    status, rows = run(program, OPTIONS, [files[name] for name in NAMES])
    result = summary(rows, {}, 0)
    assert (status, result["mismatches"]) == (0, 0)
    assert len(rows) == len(NAMES) * len(result["media"])
    assert set(result["media"]) == {"fram1", "fram2", "spi", "file", "flash"}
    assert result["cut_points"] >= 1_000_000
    assert all(row["cut_points"] >= 200_000 for row in result["by_medium"].values())
    kinds = [
        "prefix",
        "suffix",
        "garbage",
        "subset",
        "lost",
        "sector",
        "page",
        "recover",
        "double",
        "triple",
        "storm",
        "decay",
        "seal",
        "exit",
        "leave",
    ]
    assert set(result["by_kind"]) == {*kinds, *WITHOUT_CUT}
    assert all(row["events"] > 2 * row["commits"] > 20 for row in rows)


@pytest.mark.parametrize("name", FEW)
def test_broken_core_is_noticed_and_its_failure_replays(name: str, build: Build, program: Path, files: dict[str, Path]) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    broken, models = build.mutant(mutant), mutant_files(mutant, files)
    failure = is_killed(broken, models)
    assert failure is not None
    trial, _, reason = failure.partition(": ")
    again = subprocess.run([broken, "--replay", trial, *models], capture_output=True, text=True)
    assert (again.returncode, again.stdout.splitlines()[-1]) == (1, reason)
    if not mutant.left_out:
        sound = subprocess.run([program, "--replay", trial, *models], capture_output=True, text=True)
        assert (sound.returncode, sound.stdout.splitlines()[-1]) == (0, "right")


def test_mutants_change_the_source_that_is_there() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 10
    for mutant in MUTANTS:
        for edit in mutant.edits:
            source = (CORE / edit.file).read_text()
            assert edit.apply(source) != source
    with pytest.raises(ValueError, match="0 times instead of once"):
        Edit("journal.c", "no such text", "").apply((CORE / "journal.c").read_text())


def test_blob_without_the_forced_commits_is_refused(program: Path, files: dict[str, Path]) -> None:
    result = subprocess.run([program, files["commit-left-out"]], capture_output=True, text=True)
    assert result.returncode == 2
    assert "commit rule" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "usage"),
        (["--samples"], "number"),
        (["--samples", "x"], "number"),
        (["--what"], "unknown option"),
        (["/no/such.case"], "cannot open"),
        (["--replay", "nonsense", "CASE"], "an id is"),
        (["--replay", "chain-planned/spi/nonsense/0/0", "CASE"], "no kind"),
        (["--replay", "other/spi/prefix/0/0", "CASE"], "none of these"),
    ],
)
def test_bad_arguments(arguments: list[str], says: str, program: Path, files: dict[str, Path]) -> None:
    named = [str(files["chain-planned"]) if word == "CASE" else word for word in arguments]
    result = subprocess.run([program, *named], capture_output=True, text=True)
    assert result.returncode == 2
    assert says in result.stderr
