#!/usr/bin/env python3
"""Cuts the power of every conformance model on every medium at every write, and shows that broken cores are noticed.

docs/powerfail.md. Writes build/powerfail.json; exit status 1 on any mismatch, or when a broken core passes.

usage: campaign.py [--replay MODEL/MEDIUM/KIND/CUT/NUMBER]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "powerfail")]

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

import cases  # noqa: E402
from build import Build  # noqa: E402
from mutants import MUTANTS, Mutant  # noqa: E402

FOLDER = ROOT / "build" / "powerfail"
RESULT = ROOT / "build" / "powerfail.json"
WITHOUT_CUT = {"rot", "ruin", "foreign"}  # kinds of trial in which only the journal is damaged
MUTANT_CASES = ("residual-tight", "concatenation-roomy", "every-kind-tight", "with-exits-tight")
MUTANT_SECONDS = 120  # a mutant may also hang


def run(program: Path, options: Iterable[str], files: Iterable[Path]) -> tuple[int, list[dict[str, Any]]]:
    """Exit status, and what the campaign says of each model and medium."""
    result = subprocess.run([program, *options, *files], stdout=subprocess.PIPE, text=True)
    return result.returncode, [json.loads(line) for line in result.stdout.splitlines()]


def is_killed(program: Path, files: Iterable[Path]) -> str | None:
    """How the campaign notices a broken core; None: not at all."""
    command = [program, "--stop", "--samples", "4", "--stride", "7", *files]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=MUTANT_SECONDS)
    except subprocess.TimeoutExpired:
        return "does not end"
    if result.returncode < 0:
        return f"signal {-result.returncode}"
    return result.stderr.splitlines()[0] if result.returncode == 1 else None


def mutant_files(mutant: Mutant, files: dict[str, Path]) -> list[Path]:
    """The models to run a mutant on."""
    return [files["commit-left-out"]] if mutant.left_out else [files[name] for name in MUTANT_CASES]


def run_mutants(build: Build, files: dict[str, Path], console: Console) -> dict[str, str | None]:
    """How each mutant is noticed."""
    killed: dict[str, str | None] = {}
    for mutant in MUTANTS:
        with console.status(f"broken core: {mutant.name}"):
            killed[mutant.name] = is_killed(build.mutant(mutant), mutant_files(mutant, files))
    return killed


def summary(rows: list[dict[str, Any]], killed: dict[str, str | None], seconds: float) -> dict[str, Any]:
    """Keys of build/powerfail.json."""

    def count(selected: Iterable[dict[str, Any]]) -> dict[str, int]:
        trials: Counter[str] = Counter()
        mismatches = 0
        for row in selected:
            trials.update(row["trials"])
            mismatches += row["mismatches"]
        cuts = sum(number for kind, number in trials.items() if kind not in WITHOUT_CUT)
        return {"cut_points": cuts, "decayed_journals": trials.total() - cuts, "mismatches": mismatches}

    media = list(dict.fromkeys(row["medium"] for row in rows))
    kinds: Counter[str] = Counter()
    for row in rows:
        kinds.update(row["trials"])
    return {
        **count(rows),
        "media": media,
        "models": list(dict.fromkeys(row["model"] for row in rows)),
        "mutants": len(killed),
        "mutants_killed": sum(how is not None for how in killed.values()),
        "seconds": round(seconds, 1),
        "by_medium": {medium: count(row for row in rows if row["medium"] == medium) for medium in media},
        "by_kind": dict(kinds),
        "killed_by": killed,
    }


def show(result: dict[str, Any], console: Console) -> None:
    table = Table("medium", "power cuts", "decayed journals", "mismatches", title="power-cut campaign")
    for name, row in (*result["by_medium"].items(), ("all", result)):
        table.add_row(name, f"{row['cut_points']:,}", f"{row['decayed_journals']:,}", str(row["mismatches"]))
    for column in table.columns[1:]:
        column.justify = "right"
    console.print(table)
    console.print(f"{len(result['models'])} models; {result['seconds']} s without the broken cores")
    console.print(f"broken cores noticed: {result['mutants_killed']} of {result['mutants']}")
    for name, how in result["killed_by"].items():
        if how is None:
            console.print(f"  NOT NOTICED: {name}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--replay", metavar="ID", help="one trial, told at length; the id is what a mismatch prints")
    options = parser.parse_args(arguments)
    console = Console()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with console.status("compiling"):
        build = Build(FOLDER)
        program = build.program()
    with console.status("packing the models"):
        files = {case.name: case.write(FOLDER) for case in (*cases.small_cases(), *cases.zoo_cases(FOLDER))}
    if options.replay:
        return subprocess.run([program, "--replay", options.replay, *files.values()]).returncode
    started = time.monotonic()
    status, rows = run(program, [], files.values())
    seconds = time.monotonic() - started
    files["commit-left-out"] = cases.commit_left_out().write(FOLDER)
    killed = run_mutants(build, files, console)
    result = summary(rows, killed, seconds)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    show(result, console)
    return 1 if status != 0 or result["mutants_killed"] < result["mutants"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
