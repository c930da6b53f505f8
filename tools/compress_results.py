#!/usr/bin/env python3
"""Trains seven networks, compresses them with freeml-pack and with SparseComp, and writes docs/results/compress.{md,json,png}.

    python tools/compress_results.py [--only cifar10_s] [--epochs 10] [--data ../shared/data]

Takes hours. What is done is kept in build/results and taken over by the next run, which also goes on where one was interrupted.
Exit status 2 where data is missing or a network cannot be packed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from results.command import add_folders, ended
from results.figures import Figures
from results.networks import NETWORKS, Network
from results.pack import pack_plain, pack_smaller
from results.report import write_report
from results.sparsecomp import sparsecomp
from results.train import baseline

FARTHEST = 150  # SparseComp stops when it is so many times smaller than float32


def measure(network: Network, options: argparse.Namespace) -> Figures:
    """Everything of one network; each part is kept when it is done."""
    folder = options.work / network.name
    npz = network.dataset.write(options.data, options.work / "data")
    data = network.dataset.open(npz)
    trained = baseline(network, data, folder)
    epochs = options.epochs or network.epochs
    if options.again:
        _forget(folder)
    plain = pack_plain(network, trained, npz, folder)
    curve = sparsecomp(network, trained, data, folder, epochs, plain.float32_bytes // FARTHEST)
    ratios = network.ratios if options.ratios is None else options.ratios
    smaller = [pack_smaller(network, trained, npz, folder, plain, ratio, epochs) for ratio in ratios]
    return Figures(network.name, epochs, trained.seconds, [plain, *smaller], curve)


def _forget(folder: Path) -> None:
    """What freeml-pack made in an earlier run."""
    for path in folder.glob("work-*"):
        shutil.rmtree(path)
    for path in folder.glob("*.json"):
        if path.name != "baseline.json":
            path.unlink()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Compression of seven networks, by freeml-pack and by SparseComp")
    add = parser.add_argument
    add_folders(parser)
    add("--only", action="append", choices=NETWORKS, help="this network; may be repeated (default: all)")
    add("--epochs", type=int, help="of retraining, for each method (default: as for each network)")
    add("--ratios", type=int, nargs="*", help="how many times smaller than float32 (default: as for each network)")
    add("--again", action="store_true", help="pack again, also what an earlier run packed")
    return parser


def _run(options: argparse.Namespace) -> list[Path]:
    for name in options.only or NETWORKS:
        measure(NETWORKS[name], options).write(options.work / name)
        written = write_report(options.work, options.output)
    return written


def main() -> int:
    options = _parser().parse_args()
    return ended("compress-results", lambda: _run(options))


if __name__ == "__main__":
    sys.exit(main())
