"""What the planner expects an inference to take on an MSP430FR5994, against the cycles that the simulator counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msp430_figures as figures
import numpy as np
import pytest
from freeml_pack.energy.costs import plan_prices
from freeml_pack.inspection.network import read_network
from freeml_pack.targets import load_target


@pytest.mark.parametrize("network", [figures.demo_network, figures.lenet5])
def test_planner_is_right_within_a_tenth(
    network: Callable[[Path], tuple[bytes, np.ndarray]], common: list[Path], tmp_path: Path
) -> None:
    blob, samples = network(tmp_path)
    machine = figures.firmware(blob, common, tmp_path)
    counted = sum(layer.cycles for layer in figures.steps(machine, blob, samples[0].tobytes()))
    prices = plan_prices(blob, read_network(blob), load_target("msp430fr5994"), 0.0)
    predicted = (prices.inference - prices.start) / (figures.NANOJOULES * 1e-9)
    assert predicted == pytest.approx(counted, rel=0.1)
