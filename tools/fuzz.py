"""Fuzzes the C core with libFuzzer: blobs (verifier and one inference) and journals (recovery), one after the other.

usage: fuzz.py [--seconds N] [--results] [TARGET...]       targets: blob, journal (default: both); N: for each, 60

Starts from native/fuzz/corpus and what earlier runs left in build/fuzz/found. Prints executions, edges and features (as
libFuzzer counts them) and the lines of the core that the inputs reach (gcov). Exit status 1 when something was found: the input
is in build/fuzz, with the command that shows it again; 2 when clang is missing.

--results writes {target: {seconds, executions, edges, features, findings, lines_of_the_core, lines_reached}} to
docs/results/fuzz.json after LONG seconds or more for each target, else to build/fuzz.json. Other targets' figures there stay.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "native" / "fuzz"
OUT = ROOT / "build" / "fuzz"
LONG = 600  # seconds
MAX_SIZE = {"blob": 8192, "journal": 400}  # bytes of an input


def make(kind: str) -> Path:
    """Builds the targets of native/fuzz/Makefile; the folder that they are in."""
    subprocess.run(["make", "--silent", "-C", str(SOURCES), kind, f"OUT={OUT}"], check=True)
    return OUT / kind


def found(target: str) -> Path:
    """Folder of the inputs that runs have found worth keeping."""
    folder = OUT / "found" / target
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fuzz(program: Path, target: str, seconds: int) -> dict[str, int]:
    """Runs a target; executions, edges, features, and findings: libFuzzer ends with the first one."""
    artifact = OUT / f"{target}-"
    command = [str(program), f"-max_total_time={seconds}", f"-max_len={MAX_SIZE[target]}", "-timeout=20"]
    # What a process takes at most counts from before it was this program: a large parent would be taken for a leak.
    command += ["-rss_limit_mb=0", "-malloc_limit_mb=1024"]
    command += [f"-artifact_prefix={artifact}", "-print_final_stats=1", str(found(target)), str(SOURCES / "corpus" / target)]
    result = subprocess.run(command, capture_output=True, text=True)
    (OUT / f"{target}.log").write_text(result.stderr)
    if result.returncode != 0:
        inputs = re.findall(r"Test unit written to (\S+)", result.stderr) or ["?"]
        print("\n".join(result.stderr.splitlines()[-40:]), file=sys.stderr)
        print(
            f"fuzz: {target} found something (log: {OUT}/{target}.log); to see it again: {program} {inputs[0]}", file=sys.stderr
        )
    edges, features = (re.findall(r"cov: (\d+) ft: (\d+)", result.stderr) or [(0, 0)])[-1]
    executions = (re.findall(r"number_of_executed_units: (\d+)", result.stderr) or re.findall(r"^#(\d+)", result.stderr, re.M))[
        -1
    ]
    return {
        "seconds": seconds,
        "executions": int(executions),
        "edges": int(edges),
        "features": int(features),
        "findings": int(result.returncode != 0),
    }


def lines_reached(folder: Path, target: str) -> dict[str, int]:
    """Lines of native/src that the corpus and the inputs found run, and all lines of it that hold code."""
    for counters in folder.glob(f"{target}-*.gcda"):
        counters.unlink()
    inputs = [str(path) for path in [*(SOURCES / "corpus" / target).iterdir(), *found(target).iterdir()]]
    subprocess.run(
        [folder / target, "0", "1", str(MAX_SIZE[target]), "/dev/null", *inputs], check=True, stdout=subprocess.DEVNULL
    )
    notes = [str(path) for path in folder.glob(f"{target}-*.gcno")]
    report = subprocess.run(["gcov", "-n", *notes], cwd=SOURCES, check=True, capture_output=True, text=True).stdout
    reached = total = 0
    for name, percent, lines in re.findall(r"File '(.*)'\nLines executed:([\d.]+)% of (\d+)", report):
        if name.startswith("../src/") and name.endswith(".c"):
            reached += round(float(percent) * int(lines) / 100)
            total += int(lines)
    return {"lines_of_the_core": total, "lines_reached": reached}


def results_file(seconds: int) -> Path:
    """Long runs are committed, short ones are not."""
    return ROOT / ("docs/results" if seconds >= LONG else "build") / "fuzz.json"


def write_results(file: Path, results: dict[str, dict[str, int]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(before | results, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", choices=[[], *MAX_SIZE], metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--results", action="store_true")
    arguments = parser.parse_args()
    if shutil.which("clang") is None:
        print("fuzz: clang is missing; install it with: tools/setup.sh fuzz", file=sys.stderr)
        raise SystemExit(2)
    programs, counting = make("libfuzzer"), make("coverage")
    results: dict[str, dict[str, int]] = {}
    for target in arguments.targets or MAX_SIZE:
        result = fuzz(programs / target, target, arguments.seconds) | lines_reached(counting, target)
        results[target] = result
        print(f"{target}:", ", ".join(f"{number:,} {name}" for name, number in result.items()))
    if arguments.results:
        write_results(results_file(arguments.seconds), results)
    if any(result["findings"] for result in results.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
