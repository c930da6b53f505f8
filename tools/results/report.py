"""docs/results/compress.md, compress.json and compress.png: what was measured, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from freeml_pack.files import write_whole

from results import compress_picture
from results.figures import Figures, bytes_at, not_beaten, read_figures
from results.networks import NETWORKS
from results.pack import Packed

HEAD = """\
# Compression

Written by `make compress-results`, which trains the networks, packs them with `freeml-pack` and runs the method to compare
with. Every figure of this page is in [compress.json](compress.json).

![accuracy over size, of both methods](compress.png)

"""

COLUMNS = {  # and whether the column is aligned to the right
    "network": False,
    "packed": False,
    "blob": True,
    "times smaller": True,
    "accuracy": True,
    "change": True,
    "RAM": True,
    "NVM": True,
    "fits": False,
    "SparseComp": True,
    "blob is smaller": True,
    "time": True,
}

LEGEND = """
- Sizes are bytes, changes points. *Network*: with its size and accuracy in float32, batch norm folded. *Times smaller*: that
  size by the whole blob with its metadata.
- *Accuracy*: of all test samples, by the C core, as on the device. Whatever either method decides, it decides on training
  samples that it holds out.
- *RAM, NVM*: needed besides the blob; *fits*: into 8 KB of SRAM and 256 KB of FRAM (MSP430FR5994), the program not counted.
  Plain int8 is packed for a board whose RAM holds the activations.
- *SparseComp*: the smallest network of at least the blob's test accuracy on the way of that algorithm (arXiv 2405.10426,
  written anew in `tools/results/sparsecomp.py`) from the same checkpoint, with the same data and no more epochs; bytes of
  its format, compressed sparse rows. *Blob is smaller*: so many times.
- The data is not always the published one: CIFAR-10 is JPEG-degraded, which costs about 10 points; keywords: 3,896 clips to
  train on; the HAR windows are cut anew from the raw signals.
"""


def write_report(work: Path, output: Path) -> list[Path]:
    """From the figures of all networks in `work`; the files written."""
    found = [figures for name in NETWORKS if (figures := read_figures(work / name))]
    output.mkdir(parents=True, exist_ok=True)
    contents = {
        "compress.json": _json(found).encode(),
        "compress.md": _markdown(found).encode(),
        "compress.png": compress_picture.draw(found),
    }
    for name, content in contents.items():
        write_whole(output / name, content)
    return [output / name for name in contents]


def _json(found: list[Figures]) -> str:
    rows = []
    for figures in found:
        row = asdict(figures)
        for packed, entry in zip(figures.packed, row["packed"], strict=True):
            entry["fits"], entry["sparsecomp_bytes"] = packed.fits, bytes_at(figures.sparsecomp, packed.accuracy)
        rows.append(row)
    return json.dumps(rows, indent=1) + "\n"


def _markdown(found: list[Figures]) -> str:
    rows = [_row(figures, packed) for figures in found for packed in figures.packed]
    aligned = ["--:" if right else "---" for right in COLUMNS.values()]
    table = "\n".join(map(_line, [list(COLUMNS), aligned, *rows]))
    return "\n".join([HEAD + table, LEGEND, *map(_section, found)])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(figures: Figures, packed: Packed) -> list[str]:
    first = packed is figures.packed[0]
    rival = bytes_at(figures.sparsecomp, packed.accuracy)
    return [
        f"**{NETWORKS[figures.network].title}**, {packed.float32_bytes:,}, {packed.float_accuracy:.2%}" if first else "",
        "int8" if first else f"to 1/{packed.asked.rstrip('x')}",
        f"{packed.blob_bytes:,}",
        f"{packed.ratio:.1f}",
        f"{packed.accuracy:.2%}",
        f"{100 * (packed.accuracy - packed.float_accuracy):+.2f}",
        f"{packed.peak_ram_bytes:,}",
        f"{packed.nvm_bytes:,}",
        "yes" if packed.fits else "no",
        "not reached" if rival is None else f"{rival:,}",
        "" if rival is None else f"{rival / packed.blob_bytes:.1f}",
        f"{packed.seconds:.0f} s" if packed.seconds < 100 else f"{packed.seconds / 60:.0f} min",
    ]


def _section(figures: Figures) -> str:
    """The way of SparseComp: of the points that no other beats in both size and accuracy."""
    network = NETWORKS[figures.network]
    best = not_beaten(figures.sparsecomp)
    rows = "\n".join(f"| {p.bytes:,} | {p.test:.2%} | {p.epochs} | {p.change} |" for p in best)
    trained = f"trained in {figures.train_seconds / 60:.1f} min" if figures.train_seconds else "trained before"
    return f"""\
## {network.title}

{trained.capitalize()}, seed {network.recipe.seed}; {figures.epochs} epochs of retraining for each method.
The way of SparseComp, without what was both larger and worse than another step:

| bytes | test accuracy | epochs | last change |
|--:|--:|--:|---|
{rows}
"""
