"""Targets for the planner's tests."""

from __future__ import annotations

from dataclasses import replace

from freeml_pack.targets import Energy, Target, Time, load_target
from hypothesis import strategies as st

GENERIC = load_target("generic")


def steady(interval: float, commit: float = 50.0, mapped: bool = True, stream: int = 0) -> Target:
    """Prices in multiply-accumulates; the best interval is `interval` of them long."""
    prices = Time(mac=1, element=4, step=40, commit=commit, boot=0, check=0, between_failures=interval**2 / 2 / commit)
    return replace(GENERIC, prices=prices, nvm_mapped=mapped, stream_bytes=stream)


def charged(life: float, commit: float = 50.0, boot: float = 0.0, bus: float = 0.0, stream: int = 0) -> Target:
    """Prices in multiply-accumulates, too; a charge is worth `life` of them, of which a plan may count on 80%. bus: price of a
    byte behind one, a twentieth of that of an access; 0: the NVM is mapped."""
    prices = Energy(
        mac=1, element=4, step=40, commit=commit, boot=boot, check=0, transfer=20 * bus, byte=bus,
        capacitance=2 * life, volts_on=1, volts_off=0, margin=0.2,
    )  # fmt: skip
    return replace(GENERIC, prices=prices, nvm_mapped=not bus, stream_bytes=stream)


_commits = st.floats(10, 5_000)
_streams = st.sampled_from([0, 64, 4096])

targets = st.builds(steady, st.integers(50, 200_000), _commits, st.booleans(), _streams)
chargeable = st.builds(
    charged, st.floats(1_000, 1_000_000), _commits, st.floats(0, 400), st.sampled_from([0.0, 0.1, 5.0]), _streams
)
