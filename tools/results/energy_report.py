"""docs/results/energy.md, energy.json and pictures: which policy gives most right answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from freeml_pack.energy.picture import Panel, draw
from freeml_pack.energy.recorder import Recorder
from freeml_pack.energy.simulation import Scenario, simulate
from freeml_pack.energy.trace import PowerTrace
from freeml_pack.files import write_whole
from freeml_pack.units import quantity

from results.energy import OURS, Cell, Comparison
from results.picture import png, pyplot

HEAD = """\
# Policies on harvested energy

Written by `make energy-results`: {title}, on a simulated MSP430FR5994 (`freeml-sim`: the real core with its journal; energy
and time are simulated), for {hours:g} hours of each harvest trace with each capacitor. Every figure is in
[energy.json](energy.json).

![right answers an hour of each policy](energy.png)

![voltage, steps, power cuts and answers of two policies](energy_voltage.png)

"""

LEGEND = """
- Samples follow each other without a pause; {samples} test samples, in an order by chance, come again and again.
- *never*: on to the last layer, whatever the energy. *fixed:N*: the N-th exit answers. *heads*: the first exit that is
  confident enough for its threshold. *ours*: `device/freeml/policy.py`, which sleeps rather than begin what power failure
  would undo, and goes on from an exit only where that promises more right answers than the same energy with other samples.
- *Gain*: of ours over the best of the others.
- The traces were recorded by others: `mementos_rf`: an RFID reader's field (Mementos), `react_rf`: a 915 MHz transmitter
  (REACT), `fused_lux`: light, through a model of a photovoltaic cell (Fused).
"""


def write_report(compared: Comparison, found: Sequence[Cell], trace: PowerTrace, title: str, output: Path) -> list[Path]:
    """trace: for the picture of voltages. The files written."""
    output.mkdir(parents=True, exist_ok=True)
    contents = {
        "energy.json": (json.dumps([_entry(cell) for cell in found], indent=1) + "\n").encode(),
        "energy.md": _markdown(compared, found, title).encode(),
        "energy.png": _bars(compared, found),
        "energy_voltage.png": _voltages(compared, trace),
    }
    for name, content in contents.items():
        write_whole(output / name, content)
    return [output / name for name in contents]


def _entry(cell: Cell) -> dict[str, object]:
    return asdict(cell) | {"right_per_joule": cell.per_joule, "right_per_hour": cell.per_hour}


def gain(cells: Sequence[Cell], name: str) -> float:
    """Of ours over the best of the others, as a share. cells: of one trace and capacitor; name: "per_joule" or "per_hour"."""
    best = max(getattr(cell, name) for cell in cells if cell.policy != OURS)
    [ours] = [getattr(cell, name) for cell in cells if cell.policy == OURS]
    return float(ours / best - 1) if best else float("inf")


def groups(found: Sequence[Cell]) -> list[list[Cell]]:
    """Of one trace and capacitor each."""
    together: dict[tuple[str, float], list[Cell]] = {}
    for cell in found:
        together.setdefault((cell.trace, cell.capacitance), []).append(cell)
    return list(together.values())


def _markdown(compared: Comparison, found: Sequence[Cell], title: str) -> str:
    head = HEAD.format(title=title, hours=compared.bench.seconds / 3600)
    tables = [
        f"## Right answers {what}\n\n{_table(compared, found, name, digits)}"
        for what, name, digits in (("an hour", "per_hour", 1), ("a joule", "per_joule", 1))
    ]
    return "\n".join([head + tables[0], tables[1], _summary(found) + LEGEND.format(samples=len(compared.bench.samples))])


def _summary(found: Sequence[Cell]) -> str:
    lines = []
    for name, what in (("per_hour", "an hour"), ("per_joule", "a joule")):
        gains = [gain(cells, name) for cells in groups(found)]
        first = sum(value > 0 for value in gains)
        lines.append(
            f"- Right answers {what}: ours is first in {first} of {len(gains)} rows; gain {min(gains):+.1%} at least, "
            f"{np.median(gains):+.1%} in the median."
        )
    return "\n".join(lines)


def _table(compared: Comparison, found: Sequence[Cell], name: str, digits: int) -> str:
    header = ["trace", "mean", "capacitor", *compared.policies, "gain"]
    lines = [header, ["---", *["--:"] * (len(header) - 1)]]
    for cells in groups(found):
        best = max(getattr(cell, name) for cell in cells)
        values = [f"{getattr(cell, name):,.{digits}f}" for cell in cells]
        marked = [f"**{text}**" if getattr(cell, name) == best else text for text, cell in zip(values, cells, strict=True)]
        first = cells[0]
        begin = [first.trace, quantity(first.mean_watts, "W"), quantity(first.capacitance, "F")]
        lines.append([*begin, *marked, f"{gain(cells, name):+.1%}"])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _bars(compared: Comparison, found: Sequence[Cell]) -> bytes:
    """A row for each capacitor, a group for each trace; right answers an hour, as multiples of those of `never`."""
    plot = pyplot()
    traces = list(dict.fromkeys(cell.trace for cell in found))
    boards = [board.capacitance for board in compared.boards]
    colours = ["#9e9e9e", *plot.get_cmap("Blues")(np.linspace(0.35, 0.75, len(compared.policies) - 3)), "#f6b26b", "#2e7d32"]
    with plot.rc_context({"font.size": 8}):
        figure, rows = plot.subplots(len(boards), 1, sharex=True, figsize=(10, 1.9 * len(boards) + 0.6), squeeze=False)
        for axis, farads in zip(rows[:, 0], boards, strict=True):
            here = {(cell.trace, cell.policy): cell.per_hour for cell in found if cell.capacitance == farads}
            width = 0.8 / len(compared.policies)
            for number, (policy, colour) in enumerate(zip(compared.policies, colours, strict=True)):
                heights = [here[trace, policy] / (here[trace, "never"] or np.nan) for trace in traces]
                places = np.arange(len(traces)) + (number - (len(compared.policies) - 1) / 2) * width
                axis.bar(places, heights, width, color=colour, label=policy)
            axis.set_title(quantity(farads, "F"), loc="left")
            axis.set_ylabel("right answers an hour,\nby those of 'never'")
            axis.axhline(1, color="black", linewidth=0.5)
            axis.spines[["top", "right"]].set_visible(False)
        rows[-1, 0].set_xticks(range(len(traces)), traces, rotation=20, ha="right")
        rows[0, 0].legend(ncols=len(compared.policies), loc="lower right", bbox_to_anchor=(1, 1), frameon=False)
        figure.tight_layout()
        return png(figure)


def _voltages(compared: Comparison, trace: PowerTrace) -> bytes:
    """Two minutes of `heads` and `ours` on the smallest capacitor."""
    board = min(compared.boards, key=lambda board: board.capacitance)
    panels = []
    for policy in ("heads", OURS):
        recorder = Recorder(0.0, min(120.0, compared.bench.seconds))
        log = simulate(compared.bench, Scenario(trace, board, policy), recorder)
        panels.append(Panel(f"policy {policy}, {quantity(board.capacitance, 'F')}, {trace.name}", board, recorder, log))
    return draw(panels, trace, Path("energy_voltage.png"), "")
