"""Small blobs and boards on which power fails all the time."""

from __future__ import annotations

from dataclasses import replace

import graphs
import numpy as np
from freeml_pack.blob import write_blob
from freeml_pack.energy.board import Board, make_board
from freeml_pack.energy.costs import plan_prices
from freeml_pack.energy.device import Habits
from freeml_pack.energy.simulation import Bench
from freeml_pack.energy.trace import PowerTrace
from freeml_pack.energy.workload import random_samples
from freeml_pack.graph import Graph
from freeml_pack.inspection.network import read_network
from freeml_pack.plan import MemoryPlan
from freeml_pack.targets import Energy, Target, load_target

MSP430 = load_target("msp430fr5994")
assert isinstance(MSP430.prices, Energy)
QUICK = replace(
    MSP430, prices=replace(MSP430.prices, mac=3.6e-9, element=14e-9, step=0.7e-6, commit=4e-6, boot=5e-6, check=1e-9)
)
"""Starts for little, commits for much: power fails in steps and commits rather than in starts. All prices are its own, for the
charges of the tests are made for them."""

GRAPHS = {
    "chain": graphs.chain(),
    "every kind": graphs.every_kind(),
    "encoded": graphs.encoded(),
    "in parts": graphs.in_parts(),
}
PLANS = {"roomy": graphs.roomy_plan, "tight": graphs.tight_plan}


def make_blob(graph: Graph, plan: MemoryPlan, target: str = "msp430fr5994") -> bytes:
    return write_blob(graph, plan, target)


def make_bench(
    blob: bytes, target: Target = QUICK, seconds: float = 20.0, seed: int = 0, habits: Habits | None = None, watts: float = 5e-3
) -> Bench:
    network = read_network(blob)
    prices = plan_prices(blob, network, target, watts)
    return Bench(blob, network, prices, random_samples(network, seed), habits or Habits(), seconds, seed)


def board(charge: float, target: Target = QUICK, leakage: float = 1e-6) -> Board:
    """With a capacitor that gives so many joules from volts_on to volts_off."""
    assert isinstance(target.prices, Energy)
    per_farad = 0.5 * (target.prices.volts_on**2 - target.prices.volts_off**2)
    return make_board(target, capacitance=charge / per_farad, leakage=leakage)


def bursts(seed: int, watts: float = 1e-3) -> PowerTrace:
    """A harvest that comes and goes."""
    rng = np.random.default_rng(seed)
    return PowerTrace("bursts", rng.exponential(watts, 200) * rng.integers(0, 2, 200), rng.exponential(0.01, 200) + 1e-4)
