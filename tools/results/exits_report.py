"""docs/results/exits.md and exits.json: what was measured, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from freeml_pack.files import write_whole

from results.exits import Exit, Figures, read
from results.networks import NETWORKS

HEAD = """\
# Early exits

Written by `make exit-results`, which takes the networks that `make compress-results` compresses, trains and measures their
exits as `freeml-pack` does, and trains other heads for the same exits. Every figure of this page is in
[exits.json](exits.json).

"""

COLUMNS = ("network", "exit behind", "pool", "work", "**ours**", "separate", "gNet", "gNet, taught", "full maps", "ECE")
MEMORY = ("network", "exits", "backbone", "exits add to blob", "to NVM", "full maps", "ours is smaller")
EARLY = ("network", "last layer", "with early exits", "work", "samples that leave at each exit")

LEGEND = """
- Accuracy of all test samples. **Ours**: the shared head in int8, by the C core, as on the device. All others stay float32
  on the float backbone, so that nothing is lost by rounding them. *Work*: share of the multiply-accumulates until there.
- *Separate*: a linear head for each exit on the same pooled features, trained on the same samples, fitted until the loss
  stands still (L-BFGS) with three penalties of the weights, on labels alone and on the network's scores as well; samples
  held out choose among the six.
- *gNet*: the published head (arXiv 2405.10426), trained anew on the same features and samples: one linear layer over the
  pooled features of all exits, zeros for those not computed yet, all exits in each step, on labels; held-out samples choose
  the penalty. *Taught*: with our loss, on the network's scores as well, which is not in the paper.
- *Full maps*: a linear head for each exit on the whole feature map (AdamW, the best of 12 epochs by the held-out samples).
- *ECE*: expected calibration error of our confidence, in points, 15 bins.
"""

MEMORY_LEGEND = """
- All that exits add to the blob (weights, biases, multipliers, metadata) and to nonvolatile memory (sums, scores), against
  nothing but the weights, biases and multipliers of heads on full maps in int8.
"""

EARLY_LEGEND = """
- With the thresholds that the packer sets for a loss of 1 point: accuracy and work where energy does not matter.
"""


def write_report(work: Path, output: Path) -> list[Path]:
    """From the figures of all networks in `work`; the files written."""
    found = [read(_without_key(path)) for name in NETWORKS if (path := work / name / "exits.json").exists()]
    output.mkdir(parents=True, exist_ok=True)
    contents = {"exits.json": _json(found), "exits.md": _markdown(found)}
    for name, text in contents.items():
        write_whole(output / name, text.encode())
    return [output / name for name in contents]


def _without_key(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(path.read_text())
    del found["key"]
    return found


def _json(found: list[Figures]) -> str:
    rows = [asdict(figures) | {"memory_ratio": figures.memory_ratio} for figures in found]
    return json.dumps(rows, indent=1) + "\n"


def _markdown(found: list[Figures]) -> str:
    parts = [
        HEAD + _table(COLUMNS, 3, [row for figures in found for row in _accuracy_rows(figures)]) + LEGEND,
        "## Memory\n\n" + _table(MEMORY, 1, [_memory_row(figures) for figures in found]) + MEMORY_LEGEND,
        "## Leaving early\n\n" + _table(EARLY, 1, [_early_row(figures) for figures in found]) + EARLY_LEGEND,
    ]
    return "\n".join(parts)


def _table(columns: tuple[str, ...], left: int, rows: list[list[str]]) -> str:
    """left: columns that are not aligned to the right."""
    aligned = ["---" if index < left else "--:" for index in range(len(columns))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (list(columns), aligned, *rows))


def _title(figures: Figures) -> str:
    packed = "int8" if figures.ratio == 1 else f"to 1/{figures.ratio}"
    return f"{NETWORKS[figures.network].title}, {packed}"


def _accuracy_rows(figures: Figures) -> list[list[str]]:
    rows = [[_title(figures) if exit is figures.exits[0] else "", *_accuracy_row(exit)] for exit in figures.exits]
    last = ["", "last layer", "", "100%", f"{figures.accuracy:.2%}", "", "", "", "", ""]
    return [*rows, ["", "*mean of the exits*", "", "", *_means(figures)], last]


def _accuracy_row(exit: Exit) -> list[str]:
    rivals = (f"{value:.2%}" for value in (exit.separate, exit.gnet, exit.gnet_taught, exit.full))
    rows, columns = exit.pool
    return [
        exit.layer,
        f"{rows}x{columns}",
        f"{exit.work:.0%}",
        f"**{exit.ours:.2%}**",
        *rivals,
        f"{100 * exit.calibration_error:.1f}",
    ]


def _means(figures: Figures) -> list[str]:
    names = ("ours", "separate", "gnet", "gnet_taught", "full")
    means = [f"{np.mean([getattr(exit, name) for exit in figures.exits]):.2%}" for name in names]
    return [f"**{means[0]}**", *means[1:], ""]


def _memory_row(figures: Figures) -> list[str]:
    return [
        _title(figures),
        str(len(figures.exits)),
        f"{figures.blob_bytes:,}",
        f"{figures.added_blob:,}",
        f"{figures.added_nvm:,}",
        f"{figures.full_bytes:,}",
        f"{figures.memory_ratio:.1f} times",
    ]


def _early_row(figures: Figures) -> list[str]:
    return [
        _title(figures),
        f"{figures.accuracy:.2%}",
        f"{figures.early_accuracy:.2%}",
        f"{figures.early_work:.0%}",
        ", ".join(f"{exit.share:.0%}" for exit in figures.exits),
    ]
