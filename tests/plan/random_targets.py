"""Random targets for the planner's tests."""

from __future__ import annotations

from dataclasses import replace

from freeml_pack.targets import Target
from hypothesis import strategies as st
from priced import charged, steady

_commits = st.floats(10, 5_000)
_streams = st.sampled_from([0, 64, 4096])


def _roomy(target: Target, memory: int | None) -> Target:
    return replace(target, ram_bytes=memory, nvm_bytes=memory)


targets = st.builds(
    _roomy,
    st.builds(steady, st.integers(50, 200_000), _commits, st.booleans(), _streams),
    st.sampled_from([None, 10_000, 10_000_000]),
)
chargeable = st.builds(
    charged, st.floats(1_000, 1_000_000), _commits, st.floats(0, 400), st.sampled_from([0.0, 0.1, 5.0]), _streams
)
