#!/usr/bin/env python3
"""Adds early exits to compressed networks, compares them with other heads, and writes docs/results/exits.md and .json.

    python tools/exit_results.py [--only kws_m] [--ratio 30] [--data ../shared/data]

Takes minutes for a network whose compression `make compress-results` has done, hours for others. What is done is kept in
build/results and taken over by the next run, which also goes on where one was interrupted. Exit status 2 where data is missing.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from freeml_pack.errors import PackError
from results.exits import figures
from results.exits_report import write_report
from results.networks import NETWORKS
from results.train import say

ROOT = Path(__file__).resolve().parents[1]
JUDGED = ("kws_m", "fashion", "cifar10_m")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Early exits of compressed networks, compared with other heads")
    add = parser.add_argument
    sources = os.environ.get("FREEML_DATA", ROOT.parent / "shared" / "data")
    add("--data", type=Path, default=sources, help="folder of the data sets (default: FREEML_DATA, else %(default)s)")
    add("--only", action="append", choices=NETWORKS, help=f"this network; may be repeated (default: {', '.join(JUDGED)})")
    add("--ratio", type=int, default=30, help="times smaller than float32 to compress to, 1: not (default: %(default)s)")
    add("--epochs", type=int, help="of compression (default: as for each network)")
    add("--again", action="store_true", help="measure again, also what an earlier run measured")
    add("--work", type=Path, default=ROOT / "build" / "results", help="what is kept (default: %(default)s)")
    add("--output", type=Path, default=ROOT / "docs" / "results", help="for the report (default: %(default)s)")
    return parser


def main() -> int:
    options = _parser().parse_args()
    try:
        for name in options.only or JUDGED:
            network = NETWORKS[name]
            figures(network, options.data, options.work, options.ratio, options.epochs or network.epochs, again=options.again)
            written = write_report(options.work, options.output)
    except FileNotFoundError as error:
        say(f"exit-results: there is no {error.filename}; set FREEML_DATA, or give --data, to the folder of the data sets")
        return 2
    except PackError as error:
        say(f"exit-results: {error}")
        return 2
    except KeyboardInterrupt:
        say("exit-results: interrupted; run it again to go on")
        return 130
    print("wrote", *written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
