"""Harvests made up from a name, a power and a seed, for trying things out without a recording."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, pi, sqrt

import numpy as np

from freeml_pack.energy.trace import PowerTrace
from freeml_pack.errors import PackError
from freeml_pack.units import parse_quantity

_RF_SECONDS, _RF_STEP = 300, 0.02
_RF_CORRELATION = 1.2  # s
_DAY, _DAY_STEP = 86_400, 10.0  # s
_CLOUD_CORRELATION, _CLOUDED = 600.0, 0.25  # s; share of the light that a cloud lets through


def synthetic_names() -> str:
    return ", ".join(f"{name}:{text}" for name, (_, text) in _SYNTHETIC.items())


def synthetic_trace(spec: str, seed: int) -> PowerTrace | None:
    """The trace that "rf:200uW", "solar:5mW" or "constant:1mW" means; the power may be left out. None for other names: files.
    PackError where the power is none."""
    name, _, power = spec.partition(":")
    if name not in _SYNTHETIC:
        return None
    make, default = _SYNTHETIC[name]
    try:
        watts = parse_quantity(power or default, "W")
    except ValueError:
        raise PackError(f"the trace {spec} has no power behind the colon; write {name}:{default} for instance") from None
    return make(spec, watts, np.random.default_rng(seed))


def _constant(spec: str, watts: float, _: np.random.Generator) -> PowerTrace:
    return PowerTrace(spec, np.array([watts]), np.array([3600.0]))


def _rf(spec: str, watts: float, rng: np.random.Generator) -> PowerTrace:
    """watts: mean power, log-normal, as between moving people. Recordings of RFID readers (Mementos, 2011) and at 915 MHz
    (REACT, 2024) have standard deviations of 0.6 to 1.9 means, here 1.3, and correlations over a second of 0.2 to 0.7."""
    steps = round(_RF_SECONDS / _RF_STEP)
    power = np.exp(_wander(steps, _RF_STEP / _RF_CORRELATION, rng))
    return PowerTrace(spec, power * (watts / power.mean()), np.full(steps, _RF_STEP))


def _solar(spec: str, watts: float, rng: np.random.Generator) -> PowerTrace:
    """watts: power at noon of a clear day, where the trace begins; 12 hours of darkness, clouds that come and go."""
    steps = round(_DAY / _DAY_STEP)
    hour_angle = 2 * pi * np.arange(steps) / steps
    clouds = np.where(_wander(steps, _DAY_STEP / _CLOUD_CORRELATION, rng) > 0, 1.0, _CLOUDED)
    return PowerTrace(spec, watts * np.clip(np.cos(hour_angle), 0, None) * clouds, np.full(steps, _DAY_STEP))


def _wander(steps: int, step: float, rng: np.random.Generator) -> np.ndarray:
    """float64 [steps]: normal numbers whose correlation falls by a factor of e in 1 / step of them."""
    keep = exp(-step)
    noise = rng.standard_normal(steps)
    values = np.empty(steps)
    value = noise[0]
    for index in range(steps):
        values[index] = value
        value = keep * value + sqrt(1 - keep**2) * noise[index]
    return values


_SYNTHETIC: dict[str, tuple[Callable[[str, float, np.random.Generator], PowerTrace], str]] = {
    "constant": (_constant, "1mW"),
    "rf": (_rf, "1mW"),
    "solar": (_solar, "5mW"),
}
