"""Instructions of a LeNet-5 on emulated cores, its answers included: what `make bench` measures."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import graphs
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.encode import choose_encoding
from freeml_pack.graph import Graph
from freeml_pack.targets import load_target

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import instructions as bench

MACS = 416_520
# Most instructions of an inference, commits included.
LIMITS = {"cortex-m0": 1_960_000, "cortex-m3": 930_000, "cortex-m4": 890_000, "rv32imc": 1_630_000}
# Of a core in a native module.
MODULE_LIMITS = {"cortex-m0": 2_000_000, "cortex-m3": 950_000, "cortex-m4": 910_000, "rv32imc": 1_670_000}
# Instructions a product of a linear layer, with the layout of a target that has the core, and without.
LINEAR = {"cortex-m0": (3.95, 4.95), "cortex-m4": (1.75, 2.0)}


@cache
def network(target: str) -> tuple[Graph, bytes]:
    return bench.network("lenet5_relu", target)


def check_tools(core: str) -> None:
    if lacking := bench.missing(*bench.CORES[core].tools):
        pytest.skip(lacking)


@pytest.mark.parametrize(("flag", "limits"), [("-O2", LIMITS), (bench.MODULE, MODULE_LIMITS)])
@pytest.mark.parametrize("core", LIMITS)
def test_lenet5(core: str, flag: str, limits: dict[str, int], tmp_path: Path) -> None:
    check_tools(core)
    graph, blob = network(bench.CORES[core].target)
    assert sum(bench.macs(graph)) == MACS
    steps, whole = bench.run(core, bench.build(core, [flag], tmp_path), blob)
    assert sum(steps) < whole <= limits[core]


@pytest.mark.parametrize("core", LINEAR)
def test_layout_of_a_linear_layer(core: str, tmp_path: Path) -> None:
    check_tools(core)
    program, graph = bench.build(core, ["-O2"], tmp_path), bench.kernels()["linear, 400 to 120"]
    chosen = choose_encoding(graph, load_target(bench.CORES[core].target))
    counted = [bench.run(core, program, write_blob(g, graphs.roomy_plan(g)))[0][-1] / 48_000 for g in (chosen, graph)]
    with_layout, without = LINEAR[core]
    assert counted[0] <= with_layout
    assert counted[0] <= 0.9 * counted[1]
    assert counted[1] <= without


def test_change_since_the_run_before() -> None:
    before: bench.Results = {"cortex-m3": {"conv": {"instructions": 200, "per_mac": 2.0}}}
    now: bench.Results = {
        "cortex-m3": {"conv": {"instructions": 150, "per_mac": 1.5}, "linear": {"instructions": 7, "per_mac": 0.1}}
    }
    assert [change for *_, change in bench.changes(now, before)] == [-0.25, None]
