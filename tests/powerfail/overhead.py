#!/usr/bin/env python3
"""Instructions of an inference with its commits, on memory that is mapped, against those of its steps alone; and of a recovery.

Counted by callgrind on this computer, compiled for size and without vector instructions, as for a microcontroller. "Alone" is
the same blob, tile by tile, without a session: no journal, no sample committed, nothing to resume. Writes build/overhead.json.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "powerfail")]

from freeml_pack.plan import plan  # noqa: E402
from freeml_pack.targets import load_target  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

import cases  # noqa: E402
from build import CAMPAIGN, CORE, INCLUDES  # noqa: E402

FOLDER = ROOT / "build" / "overhead"
RESULT = ROOT / "build" / "overhead.json"
TARGET = "msp430fr5994"
FLAGS = ["-std=gnu11", "-Os", "-fno-tree-vectorize", "-g"]


def models() -> Iterator[tuple[str, cases.Case]]:
    from zoo import ZOO

    from networks import kws_ds_cnn, resnet8

    builds = {"kws_ds_cnn": kws_ds_cnn, "resnet8": resnet8, "ds_cnn": ZOO["ds_cnn"], "resnet_b": ZOO["resnet_b"]}
    for name, build in builds.items():
        graph = cases.packed_graph(name, *build(), FOLDER)
        yield name, cases.case_of(name, graph, plan(graph, load_target(TARGET)))


def build_driver(folder: Path) -> Path:
    program = folder / "overhead"
    campaign = [CAMPAIGN / name for name in ("overhead/overhead.c", "case.c", "device.c", "host.c", "trace.c", "image.c")]
    sources = [*campaign, *sorted(CORE.rglob("*.c"))]
    subprocess.run(["gcc", *FLAGS, *INCLUDES, *map(str, sources), "-o", str(program)], check=True)
    return program


def instructions(program: Path, mode: str, case: Path) -> tuple[int, dict[str, int]]:
    """Instructions of measured(), and what the driver prints."""
    out = program.with_name("callgrind.out")
    command = ["valgrind", "--tool=callgrind", "--toggle-collect=measured", f"--callgrind-out-file={out}"]
    result = subprocess.run([*command, program, mode, case], capture_output=True, text=True, check=True)
    total = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    assert total, "callgrind counted nothing"
    return int(total[1]), json.loads(result.stdout)


def measure(program: Path, case: cases.Case) -> dict[str, float]:
    """Of one model: a row of build/overhead.json."""
    path = case.write(program.parent)
    plain, _ = instructions(program, "plain", path)
    whole, counts = instructions(program, "session", path)
    recovery, _ = instructions(program, "recovery", path)
    overhead = round(whole / plain - 1, 5)
    return {**counts, "instructions": plain, "with_commits": whole, "overhead": overhead, "recovery": recovery}


def main() -> int:
    if shutil.which("valgrind") is None:
        print("overhead: error: valgrind is missing; install it (Debian: apt-get install valgrind)", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    program = build_driver(FOLDER)
    rows = {name: measure(program, case) for name, case in models()}
    RESULT.write_text(json.dumps({"target": TARGET, "models": rows}, indent=2) + "\n")
    columns = ("steps", "commits", "alone", "with commits", "overhead", "recovery")
    table = Table("model", *columns, title=f"instructions of an inference, {TARGET}")
    for name, row in rows.items():
        numbers = [f"{row[key]:,}" for key in ("steps", "commits", "instructions", "with_commits")]
        table.add_row(name, *numbers, f"{row['overhead']:.2%}", f"{row['recovery']:,}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
