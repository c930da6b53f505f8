"""The capacitor against energy conservation, closed forms, and a plain integration in tiny steps."""

from __future__ import annotations

from math import exp, inf, log, sqrt

import numpy as np
import pytest
from freeml_pack.energy.capacitor import Capacitor
from freeml_pack.energy.trace import PowerTrace
from hypothesis import given, settings
from hypothesis import strategies as st

positive = st.floats(1e-6, 1e-2)
powers = st.one_of(st.just(0.0), st.floats(1e-7, 1e-1))
segments = st.lists(st.tuples(powers, st.floats(1e-4, 1.0)), min_size=1, max_size=20)
loads = st.lists(st.tuples(powers, st.floats(1e-4, 5.0), st.floats(0.0, 4.0), st.floats(0.0, 4.0)), min_size=1, max_size=20)


def trace(*pieces: tuple[float, float]) -> PowerTrace:
    watts, seconds = zip(*pieces, strict=True)
    return PowerTrace("test", np.array(watts), np.array(seconds))


@settings(max_examples=300, deadline=None)
@given(
    positive,
    st.floats(0, 3.0),
    st.floats(3.0, 4.0),
    st.one_of(st.just(inf), st.floats(1e2, 1e9)),
    segments,
    loads,
    st.floats(0, 9),
)
def test_energy_is_conserved_and_stays_in_its_bounds(
    farads: float,
    volts: float,
    full: float,
    leak: float,
    harvest: list[tuple[float, float]],
    uses: list[tuple[float, float, float, float]],
    offset: float,
) -> None:
    capacitor = Capacitor(farads, volts, full, leak, trace(*harvest), offset)
    for load, seconds, first, second in uses:
        low, high = sorted(map(capacitor.energy_at, (first, second)))
        before, began = capacitor.energy, capacitor.time
        passed = capacitor.wait(seconds, load, low=low, high=high)
        assert passed == (low < capacitor.energy < high)
        assert (
            capacitor.time - began == pytest.approx(seconds, rel=1e-9) if passed else capacitor.time - began <= seconds + 1e-9
        )
        rounding = 1e-12 * capacitor.full
        assert min(before, low) - rounding <= capacitor.energy <= max(before, min(high, capacitor.full)) + rounding
    balance = capacitor.balance()
    gone = balance.stored_after + balance.consumed + balance.leaked + balance.shunted
    scale = balance.stored_before + balance.harvested
    assert gone == pytest.approx(scale, rel=1e-9, abs=1e-15)
    assert min(balance.harvested, balance.consumed, balance.leaked, balance.shunted) >= -1e-12 * scale


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-4, 1e-2), st.floats(0, 3), st.floats(1e3, 1e5), segments, st.floats(0, 2e-3))
def test_as_a_plain_integration_in_tiny_steps(
    farads: float, volts: float, leak: float, harvest: list[tuple[float, float]], load: float
) -> None:
    capacitor = Capacitor(farads, volts, 1e3, leak, trace(*harvest))
    energy = 0.5 * farads * volts**2
    peak = energy
    for watts, seconds in harvest:
        steps = 400
        for _ in range(steps):
            voltage = sqrt(2 * max(energy, 0) / farads)
            energy += (watts - load - voltage**2 / leak) * seconds / steps
            peak = max(peak, energy)
        if energy <= 0:
            return  # the load would have stopped before
    capacitor.wait(sum(seconds for _, seconds in harvest), load)
    assert capacitor.energy == pytest.approx(energy, rel=1e-2, abs=1e-2 * peak)


def test_charging_through_a_leak_takes_as_long_as_the_closed_form_says() -> None:
    farads, leak, watts = 1e-3, 10e3, 2e-3
    capacitor = Capacitor(farads, 0, 10, leak, trace((watts, 0.01), (watts, 0.07)))
    assert not capacitor.wait(1e6, 0.0, high=capacitor.energy_at(3.0))
    tau, level = leak * farads / 2, 0.5 * farads * 9
    assert capacitor.time == pytest.approx(-tau * log(1 - level / (watts * tau)), rel=1e-9)
    assert capacitor.energy == level


def test_a_level_that_the_leak_does_not_allow_is_never_reached() -> None:
    capacitor = Capacitor(1e-3, 0, 10, 1e3, trace((1e-3, 1.0)))
    assert capacitor.wait(1e4, 0.0, high=capacitor.energy_at(1.01))
    assert capacitor.volts(capacitor.energy) == pytest.approx(1.0)  # where V^2 / R is what comes in


def test_without_harvest_it_decays_exponentially_and_to_the_switch_off_voltage() -> None:
    capacitor = Capacitor(1e-3, 3.0, 3.0, 1e4, trace((0.0, 7.0)))
    capacitor.wait(2.0, 0.0)
    assert capacitor.volts(capacitor.energy) == pytest.approx(3.0 * exp(-2.0 / 10))
    assert not capacitor.wait(1e3, 1e-3, low=capacitor.energy_at(2.0))
    assert capacitor.volts(capacitor.energy) == pytest.approx(2.0, rel=1e-12)


def test_a_full_capacitor_shunts_what_comes_in() -> None:
    capacitor = Capacitor(1e-3, 2.0, 2.0, 1e6, trace((5e-3, 1.0)))
    capacitor.wait(10.0, 1e-3)
    balance = capacitor.balance()
    assert balance.stored_after == balance.stored_before
    assert balance.leaked == pytest.approx(10 * 4 / 1e6)
    assert balance.shunted == pytest.approx(10 * (4e-3 - 4 / 1e6))


def test_the_trace_repeats_from_anywhere() -> None:
    capacitor = Capacitor(1e-3, 0, 10, inf, trace((1e-3, 1.0), (3e-3, 2.0)), offset=2.5 + 6.0)
    capacitor.wait(1.0, 0.0)
    assert capacitor.harvested == pytest.approx(0.5 * 3e-3 + 0.5 * 1e-3)


def test_the_curve_leads_to_where_the_capacitor_is() -> None:
    capacitor = Capacitor(1e-3, 1.0, 10, 1e5, trace((1e-3, 0.3), (4e-3, 0.2)))
    snapshot = capacitor.snapshot()
    capacitor.wait(3.0, 1e-3)
    curve = capacitor.curve(snapshot, 1e-3, 0.1)
    assert curve[0] == (0.0, pytest.approx(1.0))
    assert curve[-1] == (pytest.approx(3.0), pytest.approx(capacitor.volts(capacitor.energy)))
    assert len(curve) == 31
