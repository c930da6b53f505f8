"""Targets with prices in multiply-accumulates, for tests that want steps and intervals of a certain size."""

from __future__ import annotations

from dataclasses import replace

from freeml_pack.targets import Energy, Target, Time, load_target

_GENERIC = load_target("generic")


def steady(interval: float, commit: float = 50.0, mapped: bool = True, stream: int = 0, step: float = 40.0) -> Target:
    """The best interval is `interval` multiply-accumulates long. step: what setting one up takes; one gets 20 times that or an
    eighth of an interval, whichever is more."""
    prices = Time(mac=1, element=4, step=step, commit=commit, boot=0, check=0, between_failures=interval**2 / 2 / commit)
    return replace(_GENERIC, prices=prices, nvm_mapped=mapped, stream_bytes=stream)


def charged(life: float, commit: float = 50.0, boot: float = 0.0, bus: float = 0.0, stream: int = 0) -> Target:
    """A charge is worth `life` multiply-accumulates, of which a plan may count on 80%. bus: price of a byte behind one, a
    twentieth of that of an access; 0: the NVM is mapped."""
    prices = Energy(
        mac=1, element=4, step=40, commit=commit, boot=boot, check=0, transfer=20 * bus, byte=bus,
        capacitance=2 * life, volts_on=1, volts_off=0, margin=0.2,
    )  # fmt: skip
    return replace(_GENERIC, prices=prices, nvm_mapped=not bus, stream_bytes=stream)
