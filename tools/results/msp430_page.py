"""docs/results/msp430.md from the figures of `make msp430`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HEAD = """\
# Firmware on a simulated MSP430FR5994

`make msp430` prints these figures, with those of each layer; `make msp430 RESULTS=1 BLOBS="FILE.fml ..."` writes this page.
Cycles at 16 MHz with one FRAM wait state, waits included; energy at 0.325 nJ a cycle. Whole networks, without
early exits. All answers are held to the C core on a PC.
"""
NETWORKS = (
    "network",
    "code, bytes",
    "SRAM, stack included",
    "FRAM",
    "MACs",
    "cycles",
    "waits",
    "a commit",
    "recovery",
    "energy",
)
FOOT = """\
Code is the program with its constants, without the blob. Recovery is the longest seen, from reset to the next step. Sparse
layers keep a fifth of their weights; only kept ones count as MACs. Power fails at random between instructions, before, after
and in FRAM writes; in the small network's inference before every instruction, one after the other.
"""


def page(results: dict[str, Any]) -> str:
    """results: what build/msp430.json holds."""
    networks = [_network(name, row) for name, row in results["networks"].items()]
    layers = [(row["name"], f"{row['macs']:,}", row["cycles_per_mac"]) for row in results["layers"]]
    failures = [
        (name, f"{row['failures']:,}", f"{row['answers']:,}", row["wrong_answers"])
        for name, row in results["power_failures"].items()
    ]
    return "\n".join(
        [
            HEAD,
            _table(NETWORKS, networks),
            _table(("single layer", "MACs", "cycles a MAC, without waits"), layers),
            _table(("power failures of", "failures", "answers", "wrong"), failures),
            FOOT,
        ]
    )


def _network(name: str, row: dict[str, Any]) -> tuple[object, ...]:
    sizes = (row[key] for key in ("code_bytes", "sram_bytes", "fram_bytes"))
    macs, cycles = sum(layer["macs"] for layer in row["layers"]), row["cycles"]
    counts = (macs, cycles, f"{row['waits'] / cycles:.1%}", row["commit_cycles"], row["recovery_cycles"])
    cells = [f"{cell:,}" if isinstance(cell, int) else cell for cell in (*sizes, *counts)]
    return (name, *cells, f"{row['microjoules']:,} uJ")


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
