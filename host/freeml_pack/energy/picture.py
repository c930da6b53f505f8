"""Pictures of runs: the harvest, and for each run the voltage with what the device was doing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from freeml_pack.energy.board import Board
from freeml_pack.energy.recorder import Recorder
from freeml_pack.energy.runlog import RunLog
from freeml_pack.energy.trace import PowerTrace
from freeml_pack.errors import PackError
from freeml_pack.files import check_writable

FORMATS = (".png", ".svg", ".html")
_STATES = {
    "off": ("off", "#d9d9d9"),
    "sleep": ("asleep", "#e3d8f1"),
    "starts": ("starting", "#f6b26b"),
    "steps": ("computing", "#cfe3f7"),
}
_MARKS = {  # label, marker, colour, size
    "commit": ("commit", ".", "#1f4e79", 22),
    "cut": ("power cut", "x", "#c00000", 40),
    "right": ("right answer", "^", "#2e7d32", 42),
    "wrong": ("wrong answer", "v", "#c00000", 42),
    "unjudged": ("answer", "^", "#2e7d32", 42),
}
_STEP_COLOUR = "#1f4e79"
_PIXELS = 1500  # across the picture, about
_WIDTH, _HARVEST_HEIGHT, _RUN_HEIGHT = 10.0, 1.3, 1.9  # inches


@dataclass(frozen=True, eq=False)
class Panel:
    title: str
    board: Board
    recorder: Recorder
    log: RunLog


def check_picture(path: Path, inputs: list[Path]) -> None:
    """PackError where no such picture can be made, before the work begins."""
    if path.suffix.lower() not in FORMATS:
        raise PackError(f"the picture {path} must end in {', '.join(FORMATS)}; choose one of these formats")
    check_writable(path, inputs)
    _pyplot()


def draw(panels: Sequence[Panel], trace: PowerTrace, path: Path, table: str) -> bytes:
    """The content of a picture file; its name's end says which format. The panels share the trace and the span of time.
    table: text that goes below the picture where the format is .html."""
    plt = _pyplot()
    with plt.rc_context({"font.size": 8, "svg.hashsalt": "freeml", "svg.fonttype": "path"}):
        height = _HARVEST_HEIGHT + _RUN_HEIGHT * len(panels) + 0.5
        ratios = [_HARVEST_HEIGHT] + [_RUN_HEIGHT] * len(panels)
        figure, axes = plt.subplots(
            1 + len(panels), 1, sharex=True, figsize=(_WIDTH, height), layout="constrained", height_ratios=ratios
        )
        begin, end = panels[0].recorder.begin, panels[0].recorder.end
        _draw_harvest(axes[0], trace, begin, end)
        used = set[str]()
        for axis, panel in zip(axes[1:], panels, strict=True):
            used |= _draw_run(axis, panel)
        axes[-1].set_xlabel("seconds")
        axes[-1].set_xlim(begin, end)
        _draw_legend(figure, used)
        content = _saved(figure, "svg" if path.suffix.lower() == ".html" else path.suffix.lower()[1:])
        plt.close(figure)
    if path.suffix.lower() != ".html":
        return content
    svg = content[content.index(b"<svg") :].decode()
    text = f'<!doctype html>\n<meta charset="utf-8">\n<title>freeml-sim</title>\n{svg}\n<pre>{escape(table)}</pre>\n'
    return text.encode()


def _pyplot() -> Any:
    try:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot
    except ImportError:
        raise PackError("--picture needs matplotlib, which is not installed: pip install 'freeml[picture]'") from None
    return pyplot


def _saved(figure: Any, kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else {})
    return buffer.getvalue()


def _draw_harvest(axis: Any, trace: PowerTrace, begin: float, end: float) -> None:
    laps = np.arange(np.floor(begin / trace.duration), np.ceil(end / trace.duration))
    edges = np.concatenate([[0.0], np.cumsum(trace.seconds)])
    milliwatts = np.append(trace.watts, trace.watts[-1]) * 1000
    times = (edges[None, :] + laps[:, None] * trace.duration).ravel()
    powers = np.tile(milliwatts, len(laps))
    shown = slice(max(0, int(np.searchsorted(times, begin)) - 1), int(np.searchsorted(times, end)) + 1)
    axis.fill_between(times[shown], powers[shown], step="post", color="#e0b000", linewidth=0)
    axis.set_ylabel("harvest, mW")
    axis.set_ylim(0)
    axis.set_title(trace.name, loc="left", fontsize=8)


def _draw_run(axis: Any, panel: Panel) -> set[str]:
    """The kinds of marks that it has."""
    board, recorder, bottom = panel.board, panel.recorder, axis.get_xaxis_transform()
    for what, spans in _states(recorder).items():
        axis.broken_barh(spans, (0, 1), transform=bottom, color=_STATES[what][1], linewidth=0, zorder=0)
    for volts, label in ((board.volts_on, "on"), (board.volts_off, "off")):
        axis.axhline(volts, color="#555555", linewidth=0.6, linestyle=(0, (4, 3)), zorder=1)
        axis.annotate(label, (1.004, volts), xycoords=("axes fraction", "data"), va="center", fontsize=7)
    axis.plot(*np.array(recorder.curve).T, color="black", linewidth=0.8, zorder=2)
    steps = np.repeat(_distinct(recorder.step_ends, recorder), 3)
    ticks = np.tile([0.0, 0.06, np.nan], len(steps) // 3)  # one line with gaps: far fewer objects than a line each
    axis.plot(steps, ticks, transform=bottom, color=_STEP_COLOUR, linewidth=0.4, zorder=2)
    marks = _marks(panel)
    for kind, points in marks.items():
        _, marker, colour, size = _MARKS[kind]
        axis.scatter(*np.array(points).T, marker=marker, color=colour, s=size, linewidths=1.2 if marker == "x" else 0, zorder=3)
    axis.set_ylabel("capacitor, V")
    axis.set_title(panel.title, loc="left", fontsize=8)
    return set(marks)


def _states(recorder: Recorder) -> dict[str, list[tuple[float, float]]]:
    """By the keys of _STATES: (begin, length) of each time in that state, those that touch as one."""
    states: dict[str, list[tuple[float, float]]] = {}
    last = ""
    for kind, begin, end in recorder.spans:
        state = "steps" if kind == "commits" else kind
        spans = states.setdefault(state, [])
        if state == last:
            begin = spans.pop()[0]
        spans.append((begin, end - begin))
        last = state
    return states


def _distinct(times: list[float], recorder: Recorder) -> np.ndarray:
    """The times that are seen as different ones."""
    pixel = (recorder.end - recorder.begin) / _PIXELS
    places = np.round(np.array(times) / pixel).astype(np.int64)
    return np.array(times)[np.unique(places, return_index=True)[1]]


def _marks(panel: Panel) -> dict[str, list[tuple[float, float]]]:
    """By the keys of _MARKS."""
    marks = {kind: points for kind, points in panel.recorder.marks.items() if kind != "answer"}
    verdicts = {
        answer.answered_s: None if answer.truth is None else answer.label == answer.truth for answer in panel.log.answers
    }
    names = {None: "unjudged", True: "right", False: "wrong"}
    for point in panel.recorder.marks.get("answer", []):
        marks.setdefault(names[verdicts[point[0]]], []).append(point)
    return marks


def _draw_legend(figure: Any, used: set[str]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(color=colour, label=label) for label, colour in _STATES.values()]
    handles.append(Line2D([], [], color=_STEP_COLOUR, marker="|", linestyle="", label="step"))
    handles += [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=label)
        for kind, (label, marker, colour, _) in _MARKS.items()
        if kind in used
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=7)
