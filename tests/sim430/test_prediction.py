"""What the planner expects an inference to take on an MSP430FR5994, against the cycles that the simulator counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import graphs
import msp430_figures as figures
import numpy as np
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.energy.costs import plan_prices
from freeml_pack.firmware import msp430
from freeml_pack.graph import Encoding, Window
from freeml_pack.inspection.network import read_network
from freeml_pack.targets import load_target


def encoded_network(_: Path) -> tuple[bytes, np.ndarray]:
    """A convolution and a linear layer of each encoding."""
    b = graphs.Builder(np.random.default_rng(6))
    x = b.quantize((16, 12, 12))
    for encoding in list(Encoding)[1:]:
        x = b.conv(x, 16, Window((3, 3), padding=(1, 1, 1, 1)), encoding=encoding)
    x = b.flatten(b.max_pool(x, Window((3, 3), stride=(3, 3))))
    for encoding in list(Encoding)[1:]:
        x = b.linear(x, 40, encoding=encoding, density=0.3)
    graph = b.finish(x)
    return write_blob(graph, graphs.tight_plan(graph)), np.frombuffer(graphs.random_sample(graph), np.uint8)[None]


@pytest.mark.parametrize("network", [figures.demo_network, figures.lenet5, encoded_network])
def test_planner_is_right_within_a_tenth(
    network: Callable[[Path], tuple[bytes, np.ndarray]], of_clang: msp430.Common, tmp_path: Path
) -> None:
    blob, samples = network(tmp_path)
    machine = figures.firmware(blob, of_clang, tmp_path)
    counted = sum(layer.cycles for layer in figures.steps(machine, blob, samples[0].tobytes()))
    prices = plan_prices(blob, read_network(blob), load_target("msp430fr5994"), 0.0)
    predicted = (prices.inference - prices.start) / (figures.NANOJOULES * 1e-9)
    assert predicted == pytest.approx(counted, rel=0.1)
