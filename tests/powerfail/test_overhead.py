"""What commits cost, counted in instructions. `make overhead` does it for networks of real sizes."""

from __future__ import annotations

import shutil
from pathlib import Path

import graphs
import numpy as np
import pytest
from freeml_pack.graph import Window
from freeml_pack.plan import plan
from freeml_pack.targets import load_target

import cases
import overhead


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is missing: instructions cannot be counted")
def test_commits_cost_little(tmp_path: Path) -> None:
    b = graphs.Builder(np.random.default_rng(2))
    x = b.conv(b.quantize((3, 16, 16)), 16, Window((3, 3), padding=(1, 1, 1, 1)))
    for _ in range(2):
        x = b.conv(b.depthwise(x, Window((3, 3), padding=(1, 1, 1, 1))), 16, Window((1, 1)))
    graph = b.finish(b.linear(b.adaptive_pool(x, (1, 1)), 4))
    case = cases.case_of("separable", graph, plan(graph, load_target(overhead.TARGET)))
    row = overhead.measure(overhead.build_driver(tmp_path), case)
    assert row["commits"] > 10
    assert 0 < row["overhead"] < 0.03
    assert 0 < row["recovery"] < 16_000
