#!/usr/bin/env python3
"""Adds early exits to compressed networks, compares them with other heads, and writes docs/results/exits.md and .json.

    python tools/exit_results.py [--only kws_m] [--ratio 30] [--data ../shared/data]

Takes minutes for a network whose compression `make compress-results` has done, hours for others. What is done is kept in
build/results and taken over by the next run, which also goes on where one was interrupted. Exit status 2 where data is missing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from results.command import add_folders, ended
from results.exits import figures
from results.exits_report import write_report
from results.networks import NETWORKS

JUDGED = ("kws_m", "fashion", "cifar10_m")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Early exits of compressed networks, compared with other heads")
    add = parser.add_argument
    add_folders(parser)
    add("--only", action="append", choices=NETWORKS, help=f"this network; may be repeated (default: {', '.join(JUDGED)})")
    add("--ratio", type=int, default=30, help="times smaller than float32 to compress to, 1: not (default: %(default)s)")
    add("--epochs", type=int, help="of compression (default: as for each network)")
    add("--again", action="store_true", help="measure again, also what an earlier run measured")
    return parser


def _run(options: argparse.Namespace) -> list[Path]:
    for name in options.only or JUDGED:
        network = NETWORKS[name]
        figures(network, options.data, options.work, options.ratio, options.epochs or network.epochs, again=options.again)
        written = write_report(options.work, options.output)
    return written


def main() -> int:
    options = _parser().parse_args()
    return ended("exit-results", lambda: _run(options))


if __name__ == "__main__":
    sys.exit(main())
