"""docs/results/compress.png: accuracy over size, of both methods, a panel for each network."""

from __future__ import annotations

from typing import Any

from results.figures import Figures, not_beaten
from results.networks import NETWORKS
from results.picture import png, pyplot

COLUMNS = 3
OURS, RIVAL, ORIGINAL = "#2e7d32", "#1f4e79", "#757575"
LOWEST = 0.25  # accuracy below which nobody wants a network, below the original's


def draw(found: list[Figures]) -> bytes:
    """A .png of all networks."""
    plot = pyplot()
    rows = -(-(len(found) + 1) // COLUMNS)  # one place is the legend's
    with plot.rc_context({"font.size": 8}):
        figure, axes = plot.subplots(rows, COLUMNS, figsize=(10, 2.4 * rows), squeeze=False, layout="constrained")
        places = list(axes.flat)
        for axis, figures in zip(places, found, strict=False):
            _panel(axis, figures)
        for axis in places[len(found) :]:
            axis.set_axis_off()
        handles, labels = places[0].get_legend_handles_labels()
        places[len(found)].legend(handles, labels, loc="center", frameon=False)
        return png(figure)


def _panel(axis: Any, figures: Figures) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator

    plain = figures.packed[0]
    ours = sorted((packed.blob_bytes, 100 * packed.accuracy) for packed in figures.packed)
    rival = [(point.bytes, 100 * point.test) for point in not_beaten(figures.sparsecomp)]
    whole = 100 * plain.float_accuracy
    axis.axhline(whole, color=ORIGINAL, linewidth=0.8, label="float32")
    axis.axhline(whole - 1, color=ORIGINAL, linewidth=0.5, linestyle=":", label="a point less")
    axis.plot(*zip(*ours, strict=True), "o-", color=OURS, markersize=4, label="freeml-pack: int8, then smaller")
    axis.plot(*zip(*rival, strict=True), ".-", color=RIVAL, markersize=4, linewidth=0.8, label="SparseComp, on its way")
    axis.set_xscale("log", subs=[])
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.set_ylim(bottom=max(axis.get_ylim()[0], whole - 100 * LOWEST))
    axis.set_title(NETWORKS[figures.network].title, loc="left")
    axis.set_xlabel("bytes")
    axis.set_ylabel("right answers, %")
    axis.spines[["top", "right"]].set_visible(False)
