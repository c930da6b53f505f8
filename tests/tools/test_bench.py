"""Instructions of a LeNet-5 on emulated cores, its answers included: what `make bench` measures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import instructions as bench

MACS = 416_520
# Most instructions of an inference, commits included.
LIMITS = {"cortex-m0": 2_000_000, "cortex-m3": 950_000, "cortex-m4": 900_000, "rv32imc": 1_650_000}


@pytest.fixture(scope="module")
def lenet5() -> tuple[int, bytes]:
    graph, blob = bench.network("lenet5_relu")
    return sum(bench.macs(graph)), blob


@pytest.mark.parametrize("core", LIMITS)
def test_lenet5(core: str, lenet5: tuple[int, bytes], tmp_path: Path) -> None:
    lacking = bench.missing(*bench.CORES[core].tools)
    if lacking:
        pytest.skip(lacking)
    macs, blob = lenet5
    assert macs == MACS
    steps, whole = bench.run(core, bench.build(core, ["-O2"], tmp_path), blob)
    assert sum(steps) < whole <= LIMITS[core]


def test_change_since_the_run_before() -> None:
    before: bench.Results = {"cortex-m3": {"conv": {"instructions": 200, "per_mac": 2.0}}}
    now: bench.Results = {
        "cortex-m3": {"conv": {"instructions": 150, "per_mac": 1.5}, "linear": {"instructions": 7, "per_mac": 0.1}}
    }
    assert [change for *_, change in bench.changes(now, before)] == [-0.25, None]
