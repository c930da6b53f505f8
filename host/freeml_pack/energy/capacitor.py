"""The capacitor that a device runs from: power in, power out, voltage.

Within a segment of the harvest all powers are constant, and a leakage resistance R takes V^2 / R = E * 2 / (R C): the stored
energy E obeys a linear differential equation, whose solution native/ports/cpython/capacitor.c goes along. No time step."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Any

import numpy as np

from freeml_pack._engine import ffi, lib
from freeml_pack.energy.trace import PowerTrace


@dataclass(frozen=True)
class EnergyBalance:
    """Joules: stored_before + harvested = stored_after + consumed + leaked + shunted."""

    stored_before: float
    harvested: float  # what the trace offered
    consumed: float  # by the device
    leaked: float
    shunted: float  # offered while the capacitor was full
    stored_after: float


class Capacitor:
    """farads; volts: at the beginning; volts_full: at which a shunt holds it; leak_ohms: inf for none; trace: the harvest,
    which begins `offset` seconds into the trace and repeats."""

    def __init__(
        self, farads: float, volts: float, volts_full: float, leak_ohms: float, trace: PowerTrace, offset: float = 0.0
    ) -> None:
        self.farads = farads
        self._watts = np.ascontiguousarray(trace.watts, np.float64)
        self._seconds = np.ascontiguousarray(trace.seconds, np.float64)
        segment, left = trace.place(offset)
        self._stored_before = self.energy_at(volts)
        self._state = ffi.new(
            "freeml_capacitor *",
            {
                "energy": self._stored_before,
                "full": self.energy_at(volts_full),
                "decay": 2 / (leak_ohms * farads),
                "watts": ffi.from_buffer("double[]", self._watts),
                "seconds": ffi.from_buffer("double[]", self._seconds),
                "segments": len(self._watts),
                "segment": segment,
                "left": left,
            },
        )

    def energy_at(self, volts: float) -> float:
        """Joules stored at a voltage."""
        return 0.5 * self.farads * volts**2

    def volts(self, joules: float) -> float:
        """The inverse."""
        return sqrt(2 * max(joules, 0.0) / self.farads)

    @property
    def time(self) -> float:
        """Seconds since the beginning."""
        return float(self._state.time)

    @property
    def energy(self) -> float:
        """Joules stored."""
        return float(self._state.energy)

    @property
    def full(self) -> float:
        """Joules that it can hold."""
        return float(self._state.full)

    @property
    def harvested(self) -> float:
        """Joules offered since the beginning."""
        return float(self._state.harvested)

    @property
    def consumed(self) -> float:
        """Joules that the device has taken since the beginning."""
        return float(self._state.consumed)

    def wait(self, seconds: float, load: float, *, low: float = -inf, high: float = inf) -> bool:
        """Lets time pass while a device takes `load` watts. False where that ended early, with the energy at `low` or below or
        at `high` or above."""
        return int(lib.freeml_capacitor_advance(self._state, load, seconds, low, high)) == lib.FREEML_TIME_PASSED

    def snapshot(self) -> Any:
        """For `curve`."""
        return ffi.new("freeml_capacitor *", self._state[0])

    def curve(self, snapshot: Any, load: float, spacing: float) -> list[tuple[float, float]]:
        """(time, volts) from a snapshot to now, about every `spacing` seconds, if a device took `load` watts all the time."""
        points = max(1, ceil((self.time - snapshot.time) / spacing))
        step = (self.time - snapshot.time) / points
        seen = [(float(snapshot.time), self.volts(snapshot.energy))]
        for _ in range(points):
            lib.freeml_capacitor_advance(snapshot, load, step, -inf, inf)
            seen.append((float(snapshot.time), self.volts(snapshot.energy)))
        seen[-1] = (self.time, self.volts(self.energy))  # without the rounding of small steps
        return seen

    def balance(self) -> EnergyBalance:
        state = self._state
        return EnergyBalance(
            self._stored_before, state.harvested, state.consumed, state.leaked, state.shunted, stored_after=state.energy
        )
