"""The electrical side of a device."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from freeml_pack.errors import PackError
from freeml_pack.targets import Energy, Target
from freeml_pack.units import quantity


@dataclass(frozen=True, kw_only=True)
class Board:
    """farads, volts, watts, ohms. The device starts when the capacitor has charged to volts_on and stops at volts_off."""

    capacitance: float
    volts_on: float
    volts_off: float
    volts_full: float  # a shunt holds the capacitor there
    leak_ohms: float  # inf: none
    active_watts: float  # computing, writing, starting
    sleep_watts: float

    def charge(self) -> float:
        """Joules between volts_on and volts_off."""
        return 0.5 * self.capacitance * (self.volts_on**2 - self.volts_off**2)


def make_board(
    target: Target,
    *,
    capacitance: float | None = None,
    volts_on: float | None = None,
    volts_off: float | None = None,
    volts_full: float | None = None,
    leakage: float = 0.0,
    active_watts: float | None = None,
    sleep_watts: float | None = None,
) -> Board:
    """The target's board, with changes. leakage: amperes at volts_on. volts_full: volts_on where it is not given.

    PackError where something is known neither from the target nor from the caller, or cannot be."""
    prices = target.prices
    if isinstance(prices, Energy):
        capacitance = capacitance or prices.capacitance
        volts_on, volts_off = volts_on or prices.volts_on, prices.volts_off if volts_off is None else volts_off
        sleep_watts = prices.sleep if sleep_watts is None else sleep_watts
    active_watts = active_watts or target.active_watts
    known = {"capacitance": capacitance, "volts-on": volts_on, "volts-off": volts_off, "active-power": active_watts}
    missing = ", ".join(f"--{name}" for name, value in known.items() if value is None)
    if capacitance is None or volts_on is None or volts_off is None or active_watts is None:
        raise PackError(f"target {target.name} says nothing of the device's energy: give {missing}, or another --target")
    volts_full = volts_on if volts_full is None else volts_full
    if not volts_off < volts_on <= volts_full:
        raise PackError(
            f"the device starts at {quantity(volts_on, 'V')}, stops at {quantity(volts_off, 'V')} and is held at "
            f"{quantity(volts_full, 'V')}: choose --volts-off below --volts-on, and --volts-full not below it"
        )
    return Board(
        capacitance=capacitance,
        volts_on=volts_on,
        volts_off=volts_off,
        volts_full=volts_full,
        leak_ohms=volts_on / leakage if leakage > 0 else inf,
        active_watts=active_watts,
        sleep_watts=sleep_watts or 0.0,
    )
