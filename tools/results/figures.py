"""What `make compress-results` knows of a network, kept in a file from run to run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from freeml_pack.files import write_whole

from results.pack import Packed
from results.sparsecomp import Point


@dataclass(frozen=True)
class Figures:
    """All that is known of one network. epochs: of retraining that either method may spend."""

    network: str
    epochs: int
    train_seconds: float
    packed: list[Packed]
    sparsecomp: list[Point]

    def write(self, folder: Path) -> None:
        write_whole(folder / "figures.json", json.dumps(asdict(self), indent=1).encode())


def read_figures(folder: Path) -> Figures | None:
    path = folder / "figures.json"
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    packed, points = [Packed(**row) for row in found.pop("packed")], [Point(**row) for row in found.pop("sparsecomp")]
    return Figures(packed=packed, sparsecomp=points, **found)


def bytes_at(curve: Iterable[Point], accuracy: float) -> int | None:
    """The smallest network of the curve with at least so much test accuracy, None: there is none."""
    return min((point.bytes for point in curve if point.test >= accuracy), default=None)


def not_beaten(curve: Iterable[Point]) -> list[Point]:
    """The points that no other one beats in both size and accuracy, the largest first."""
    best: list[Point] = []
    for point in sorted(curve, key=lambda point: (point.bytes, -point.test)):
        if not best or point.test > best[-1].test:
            best.append(point)
    return best[::-1]
