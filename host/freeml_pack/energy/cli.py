"""The command `freeml-sim`."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from freeml_pack import __version__
from freeml_pack.command import FILE_WIDTH, Parser, positive, run_command, seed
from freeml_pack.errors import PackError
from freeml_pack.units import parse_quantity, quantity

_PROGRAM = "freeml-sim"
_MOST_PANELS = 4
_WINDOW = 60.0  # seconds

EXAMPLES = """\
examples:
  freeml-sim model.fml --data data.npz                an hour of a made-up radio harvest of 1 mW, on the target's own board
  freeml-sim model.fml --data data.npz --trace rf:300uW --trace office.csv --capacitance 470uF,4.7mF --picture run.png
  freeml-sim model.fml --trace solar:5mW --seconds 86400 --every 60s --deadline 30s --devices 100
  freeml-sim model.fml --target generic --active-power 8mW --capacitance 4.7mF --volts-on 2.8V --volts-off 2V

A trace is rf:POWER (mean), solar:POWER (noon), constant:POWER, or a file: .csv with the columns time_s and power_w or voltage_v
in its first line, .npz with dt_s and power_w or voltage_v. It repeats until the run ends.
policies: never (to the last layer, whatever the energy), fixed:N (the N-th exit answers), heads (the first exit that is
confident), ours (sleeps rather than work for nothing; exits by energy, deadline and confidence: device/freeml/policy.py)
exit codes: 0 simulated, 2 bad input (one line on stderr says what to do), 70 internal error
"""


def _measure(unit: str, example: str, *, zero: bool = False) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = parse_quantity(text, unit)
        if value == 0 and not zero:
            raise ValueError(text)
        return value

    convert.__name__ = f"number (such as {example})"  # argparse names the type in its error message
    return convert


def _capacitances(text: str) -> tuple[float, ...]:
    return tuple(_measure("F", "")(part) for part in text.split(","))


def _share(text: str) -> float:
    if not 0 < float(text) <= 1:
        raise ValueError(text)
    return float(text)


def _window(text: str) -> tuple[float, float]:
    begin, end = (float(part) for part in text.split(","))
    if not 0 <= begin < end < math.inf:
        raise ValueError(text)
    return begin, end


_capacitances.__name__, _share.__name__ = "list (such as 470uF,4.7mF)", "share (such as 0.8)"
_window.__name__ = "window (such as 100,160)"


def make_parser() -> argparse.ArgumentParser:
    text = "Simulates devices that run a packed model on harvested energy: real C core, real journal, simulated power."
    parser = Parser(_PROGRAM, text, EXAMPLES)
    add: Callable[..., object] = parser.add_argument
    add("model", metavar="MODEL.fml", type=Path, help="blob of freeml-pack")
    add("--data", metavar="NPZ", help="x_test, y_test: the samples (default: noise, without accuracy)")
    add("--trace", metavar="T", action="append", help="harvest; may be given several times (default: rf:1mW)")
    add("--policy", metavar="P[,P..]", default="never,ours", help="see below (default: %(default)s)")
    add("--target", metavar="NAME", help="whose prices and board to take (default: what the blob was packed for)")
    add("--capacitance", metavar="F[,F..]", type=_capacitances, help="instead of the target's")
    add("--volts-on", metavar="V", type=_measure("V", "2.8V"), help="the device starts; instead of the target's")
    add("--volts-off", metavar="V", type=_measure("V", "2V", zero=True), help="and stops; instead of the target's")
    add("--volts-full", metavar="V", type=_measure("V", "3.3V"), help="a shunt holds the capacitor there (default: --volts-on)")
    add(
        "--leakage",
        metavar="A",
        type=_measure("A", "1uA", zero=True),
        default=0.0,
        help="of the capacitor at --volts-on (default: 0)",
    )
    add("--active-power", metavar="W", type=_measure("W", "5mW"), help="of the device at work; instead of the target's")
    add("--sleep-power", metavar="W", type=_measure("W", "2uW", zero=True), help="while it waits; instead of the target's")
    add(
        "--efficiency", metavar="SHARE", type=_share, default=1.0, help="of the harvest that reaches the capacitor (default: 1)"
    )
    add("--load-ohm", metavar="R", type=_measure("ohm", "30kohm"), help="across which a trace's volts were measured")
    add(
        "--every",
        metavar="S",
        type=_measure("s", "10s", zero=True),
        default=0.0,
        help="from sample to sample (default: at once)",
    )
    add("--deadline", metavar="S", type=_measure("s", "5s"), help="from a sample to its answer")
    add(
        "--seconds",
        metavar="S",
        type=_measure("s", "3600"),
        default=3600.0,
        help="how long each device is simulated (default: 3600)",
    )
    add(
        "--devices",
        metavar="N",
        type=positive,
        default=1,
        help="of each trace, capacitor and policy; they begin at other places",
    )
    add("--jobs", metavar="N", type=positive, help="processes (default: one for each core)")
    add("--ray", action="store_true", help="on a Ray cluster whose computers have freeml (RAY_ADDRESS, else on this one)")
    add(
        "--seed",
        metavar="N",
        type=seed,
        default=0,
        help="for made-up traces, places to begin, torn writes (default: %(default)s)",
    )
    add(
        "--picture",
        metavar="FILE",
        type=Path,
        help=".png, .svg or .html: voltage, steps, commits, cuts, answers of the first device",
    )
    add("--window", metavar="A,B", type=_window, help="seconds that the picture shows (default: the first minute)")
    add("--report", metavar="JSON", type=Path, help="write all figures, with each answer, to a JSON file")
    add("--quiet", action="store_true", help="no progress, no tables")
    add("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit code."""
    return run_command(_PROGRAM, lambda: _run(make_parser().parse_args(arguments)))


def _run(options: argparse.Namespace) -> int:
    from freeml_pack.energy.report import print_tables, rows, to_json
    from freeml_pack.files import write_whole

    quiet = options.quiet or sys.stdout is None
    _check_outputs(options)
    bench, boards = _prepare(options)
    scenarios = _scenarios(options, bench, boards)
    began = time.monotonic()
    logs = _simulate(options, bench, scenarios, quiet)
    speed = bench.seconds * len(scenarios) / max(time.monotonic() - began, 1e-9)
    found = rows(bench, scenarios, logs)
    console = Console(width=None if not quiet and sys.stdout.isatty() else FILE_WIDTH, quiet=quiet)
    if options.report:
        write_whole(options.report, (json.dumps(to_json(bench, scenarios, logs), indent=1, allow_nan=False) + "\n").encode())
    if options.picture:
        write_whole(options.picture, _picture(options, bench, scenarios, found))
    console.print(_headline(options, bench, boards[0]), soft_wrap=True, highlight=False, markup=False)
    print_tables(found, console)
    for note in _notes(found):
        console.print(f"note: {note}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"simulated {speed:,.0f} times as fast as real time", highlight=False)
    return 0


def _check_outputs(options: argparse.Namespace) -> None:
    from freeml_pack.energy.picture import check_picture
    from freeml_pack.files import check_writable

    inputs = [options.model, *([Path(options.data)] if options.data else [])]
    if options.report:
        check_writable(options.report, inputs)
    if options.picture:
        if options.report and options.report.resolve() == options.picture.resolve():
            raise PackError(f"--report and --picture are the same file {options.picture}; choose another name for one of them")
        check_picture(options.picture, inputs)


def _prepare(options: argparse.Namespace) -> tuple[Any, list[Any]]:
    """The bench, and a board for each capacitance."""
    from freeml_pack.energy.board import make_board
    from freeml_pack.energy.costs import plan_prices
    from freeml_pack.energy.device import Habits
    from freeml_pack.energy.simulation import Bench
    from freeml_pack.energy.workload import load_samples, random_samples
    from freeml_pack.targets import load_target

    blob, network = _read_blob(options.model)
    target = load_target(options.target or network.target)
    electrical = {name: getattr(options, name) for name in ("volts_on", "volts_off", "volts_full", "leakage")} | {
        "active_watts": options.active_power,
        "sleep_watts": options.sleep_power,
    }
    boards = [make_board(target, capacitance=farads, **electrical) for farads in options.capacitance or (None,)]
    samples = load_samples(options.data, blob, network) if options.data else random_samples(network, options.seed)
    prices = plan_prices(blob, network, target, boards[0].active_watts)
    habits = Habits(options.every, options.deadline)
    return Bench(blob, network, prices, samples, habits, options.seconds, options.seed), boards


def _read_blob(path: Path) -> tuple[bytes, Any]:
    from freeml_pack.inspection.blob import looks_like_blob, read_blob

    try:
        blob = path.read_bytes()
    except OSError as error:
        raise PackError(f"cannot read {path}: {error.strerror}; name a .fml file of freeml-pack") from error
    if not looks_like_blob(blob):
        raise PackError(f"{path} is not a FreeML blob; name a .fml file, which freeml-pack makes from a model")
    facts = read_blob(blob)
    if facts.faults or facts.network is None:
        raise PackError(f"{path} is damaged; see freeml-inspect {path}")
    return blob, facts.network


def _scenarios(options: argparse.Namespace, bench: Any, boards: list[Any]) -> list[Any]:
    """Every trace with every board and every policy, so many devices of each."""
    from freeml_pack.energy.policies import find_policy
    from freeml_pack.energy.simulation import Scenario
    from freeml_pack.energy.synthetic import synthetic_trace
    from freeml_pack.energy.trace import load_trace

    specs, policies = options.trace or ["rf:1mW"], options.policy.split(",")
    for policy in policies:
        if find_policy(policy).needs_exits and not bench.network.exits:
            raise PackError(f"policy {policy} answers from early exits, and {options.model} has none: use never or ours")
    traces = [
        (synthetic_trace(spec, options.seed) or load_trace(Path(spec), options.load_ohm)).scaled(options.efficiency)
        for spec in specs
    ]
    return [
        Scenario(trace, board, policy, device)
        for trace in traces
        for board in boards
        for policy in policies
        for device in range(options.devices)
    ]


def _simulate(options: argparse.Namespace, bench: Any, scenarios: list[Any], quiet: bool) -> list[Any]:
    from freeml_pack.energy.fleet import cores, run_local, run_on_ray
    from freeml_pack.progress import ProgressDisplay

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the workers, one of which has each core
    with ProgressDisplay(quiet=quiet).stage("simulating") as progress:
        if options.ray:
            return run_on_ray(bench, scenarios, progress)
        return run_local(bench, scenarios, options.jobs or cores(), progress)


def _picture(options: argparse.Namespace, bench: Any, scenarios: list[Any], found: Sequence[Any]) -> bytes:
    """Of the first devices, one for each policy and capacitor; they run again, recorded."""
    from freeml_pack.energy.picture import Panel, draw
    from freeml_pack.energy.recorder import Recorder
    from freeml_pack.energy.report import print_tables
    from freeml_pack.energy.simulation import simulate

    begin, end = options.window or (0.0, min(_WINDOW, bench.seconds))
    if begin >= bench.seconds:
        raise PackError(f"--window begins at {begin:g} s, the run ends at {bench.seconds:g} s: choose an earlier one")
    first = [scenario for scenario in scenarios if scenario.device == 0 and scenario.trace is scenarios[0].trace]
    panels = []
    for scenario in first[:_MOST_PANELS]:
        recorder = Recorder(begin, min(end, bench.seconds))
        log = simulate(bench, scenario, recorder)
        title = f"{bench.network.name}, policy {scenario.policy}, {quantity(scenario.board.capacitance, 'F')}"
        panels.append(Panel(title, scenario.board, recorder, log))
    console = Console(width=FILE_WIDTH, record=True, quiet=True)
    with console.capture() as captured:
        print_tables(found, console)
    return draw(panels, scenarios[0].trace, options.picture, captured.get())


def _headline(options: argparse.Namespace, bench: Any, board: Any) -> str:
    prices, target = bench.prices, options.target or bench.network.target
    inference, start = quantity(prices.inference, "J"), quantity(prices.boot, "J")
    return (
        f"{options.model} on {target}: {inference} an inference, {start} a start, {quantity(board.active_watts, 'W')} at work; "
        f"{options.devices} device{'s' * (options.devices > 1)} of each kind for {quantity(bench.seconds, 's')}"
    )


def _notes(found: Sequence[Any]) -> list[str]:
    """What to change where nothing, or not everything, went well."""
    notes = []
    for row in found:
        which = f"{row.trace}, {quantity(row.capacitance, 'F')}, {row.policy}"
        if row.no_progress:
            devices = f"{row.no_progress} of {row.devices} device{'s' * (row.devices > 1)}"
            notes.append(f"{which}: 16 starts without a commit on {devices}: a larger capacitor, or a blob packed for this one")
        elif not row.answers and not row.cuts:
            notes.append(f"{which}: never started, the harvest is too weak or the run too short")
        elif not row.answers and row.spent["starts"] > 0.99 * row.consumed:
            notes.append(f"{which}: no start was ever finished, a charge does not last so long: a larger capacitor")
    return notes


if __name__ == "__main__":
    sys.exit(main())
