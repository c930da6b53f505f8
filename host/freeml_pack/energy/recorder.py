"""What a picture of a run needs: the voltage, what the device was doing, and when things happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from freeml_pack.energy.capacitor import Capacitor

_POINTS = 4000  # of the voltage curve, about


@dataclass
class Recorder:
    """Of the seconds from begin to end of a run."""

    begin: float
    end: float
    curve: list[tuple[float, float]] = field(default_factory=list)  # (seconds, volts)
    spans: list[tuple[str, float, float]] = field(default_factory=list)  # "off", "starts", "steps", "commits", "sleep"
    step_ends: list[float] = field(default_factory=list)  # seconds
    marks: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # (seconds, volts): "cut", "answer", "commit"

    def wants(self, time: float) -> bool:
        return time < self.end

    def span(self, what: str, capacitor: Capacitor, snapshot: Any, load: float) -> None:
        """The capacitor went from snapshot to now under a constant load."""
        begin, end = float(snapshot.time), capacitor.time
        if end > self.begin:
            self.spans.append((what, begin, end))
            self.curve += capacitor.curve(snapshot, load, (self.end - self.begin) / _POINTS)

    def steps(self, begin: float, ends: np.ndarray) -> None:
        """Steps that ended so many seconds after `begin`."""
        self.step_ends += [time for time in (begin + ends).tolist() if self.begin <= time <= self.end]

    def mark(self, what: str, time: float, volts: float) -> None:
        if self.begin <= time <= self.end:
            self.marks.setdefault(what, []).append((time, volts))
