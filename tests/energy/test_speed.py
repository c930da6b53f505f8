"""The demo network is simulated at least a thousand times as fast as it would run, on one core."""

from __future__ import annotations

import time

import pytest
from energy.benches import MSP430, make_bench
from energy.conftest import Demo
from freeml_pack.energy.board import make_board
from freeml_pack.energy.simulation import Scenario, simulate
from freeml_pack.energy.synthetic import synthetic_trace

pytestmark = pytest.mark.xdist_group("simulation")  # one packs the demo network for all


@pytest.mark.parametrize("policy", ["never", "ours"])
@pytest.mark.parametrize("trace", ["rf:1mW", "rf:200uW"])
def test_faster_than_a_thousand_times_real_time(trace: str, policy: str, demo: Demo) -> None:
    board = make_board(MSP430)
    bench = make_bench(demo.blob.read_bytes(), MSP430, seconds=600, watts=board.active_watts)
    harvest = synthetic_trace(trace, 0)
    assert harvest is not None
    began = time.process_time()  # not the clock on the wall: other processes may have the core
    log = simulate(bench, Scenario(harvest, board, policy))
    assert bench.seconds / (time.process_time() - began) > 1000
    assert len(log.answers) > 50
