#!/usr/bin/env python3
"""Simulates policies on harvest traces with several capacitors, and writes docs/results/energy.md, .json and pictures.

    python tools/energy_results.py [--network kws_m] [--hours 2] [--data ../shared/data]

Takes minutes, and what `make exit-results` takes for the network where that was not done. What is done is kept in build/results
and taken over by the next run. Exit status 2 where data is missing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from freeml_pack.energy.fleet import cores
from freeml_pack.energy.trace import load_trace
from freeml_pack.errors import PackError
from freeml_pack.units import parse_quantity
from results.command import add_folders, ended
from results.energy import cells, comparison
from results.energy_report import write_report
from results.exits import blob_with_exits
from results.networks import NETWORKS
from results.train import say

SHOWN = "react_rf_obstruction"  # in the picture of voltages, where it is among the traces


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Policies on harvest traces: right answers an hour and a joule")
    add = parser.add_argument
    add_folders(parser)
    add("--traces", type=Path, help="folder of harvest traces, .npz or .csv (default: energy_traces in that of the data sets)")
    add("--network", choices=NETWORKS, default="kws_m", help="(default: %(default)s)")
    add("--ratio", type=int, default=30, help="times smaller than float32 that it is, 1: only int8 (default: %(default)s)")
    add("--hours", type=float, default=2.0, help="that each device is simulated (default: %(default)s)")
    add("--capacitance", default="330uF,470uF,680uF,1mF,4.7mF", help="of the capacitors (default: %(default)s)")
    add("--jobs", type=int, default=cores(), help="processes (default: %(default)s)")
    return parser


def _run(options: argparse.Namespace) -> list[Path]:
    network = NETWORKS[options.network]
    folder: Path = options.traces or options.data / "energy_traces"
    traces = sorted(path for path in folder.glob("*.*") if path.suffix in (".npz", ".csv"))
    if not traces:
        raise FileNotFoundError(2, "no trace", str(folder))
    blob = blob_with_exits(network, options.data, options.work, options.ratio, network.epochs)
    npz = network.dataset.write(options.data, options.work / "data")
    try:
        capacitors = [parse_quantity(text, "F") for text in options.capacitance.split(",")]
    except ValueError as error:
        raise PackError(f"--capacitance {options.capacitance} lists no capacitances; write it as in 470uF,1mF") from error
    compared = comparison(blob, npz, capacitors, options.hours)
    kept = options.work / network.name / "energy"
    found = cells(compared, traces, kept, options.jobs, lambda name, done, total: say(f"{name}: {done} of {total} devices"))
    shown = load_trace(next((path for path in traces if path.stem == SHOWN), traces[0]))
    packed = "in int8" if options.ratio == 1 else f"compressed to 1/{options.ratio}, in int8"
    title = f"{network.title}, {packed}, with {len(compared.bench.network.exits)} early exits"
    return write_report(compared, found, shown, title, options.output)


def main() -> int:
    options = _parser().parse_args()
    return ended("energy-results", lambda: _run(options))


if __name__ == "__main__":
    sys.exit(main())
