"""Every small network goes through the whole packer, cut into very many small steps. `pack` compares engine and oracle."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from freeml_pack.pipeline import PackOptions, pack
from freeml_pack.report import make_report

sys.path.insert(0, str(Path(__file__).parents[1]))
from zoo import ZOO

# Prices in multiply-accumulates: 2,000 of them are the best interval.
TARGET = """\
description = "tiny steps"
nvm_mapped = true
stream_bytes = 256
[time]
between_failures = 40_000
mac = 1
element = 4
step = 35
commit = 50
boot = 0
check = 0
"""


@pytest.mark.parametrize("name", ZOO)
def test_zoo_network_packs(name: str, tmp_path: Path) -> None:
    model, shape = ZOO[name]()
    torch.export.save(torch.export.export(model, (torch.zeros(1, *shape),)), tmp_path / "model.pt2")
    (tmp_path / "tiny.toml").write_text(TARGET)
    result = pack(PackOptions(tmp_path / "model.pt2", target=str(tmp_path / "tiny.toml")))
    report = make_report(result, inferences_per_day=1)
    assert report.steps > report.macs / 3000
    assert report.commits > report.macs / 10_000
    assert report.scratch_bytes < 4200  # four channels of the widest linear layer
    assert report.arena_bytes <= 1.1 * report.least_arena_bytes
