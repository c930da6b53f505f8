"""Every small network goes through the whole packer, cut into very many small steps. `pack` compares engine and oracle."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from freeml_pack.blob import write_blob
from freeml_pack.graph import Conv2d, Encoding
from freeml_pack.pipeline import PackOptions, pack
from freeml_pack.plan import check_commit_rule, plan, plan_costs
from freeml_pack.report import make_report
from freeml_pack.targets import load_target

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


SPARSE = {
    "sparse_cnn": {Encoding.SPARSE_8},
    "block_sparse_cnn": {Encoding.BLOCK_SPARSE_8},
    "coded_resnet": {Encoding.DENSE_4},
    "coded_sparse_1d": {Encoding.SPARSE_4},
}


@pytest.mark.parametrize("name", SPARSE)
def test_trained_zeros_and_few_values_make_the_blob_smaller(name: str, tmp_path: Path) -> None:
    model, shape = ZOO[name]()
    torch.export.save(torch.export.export(model, (torch.zeros(1, *shape),)), tmp_path / "model.pt2")
    result = pack(PackOptions(tmp_path / "model.pt2"))
    convolutions = [op for op in result.graph.ops if isinstance(op, Conv2d)]
    assert {op.encoding for op in convolutions if op.weight.size > 300} == SPARSE[name]
    dense = result.graph.with_(
        ops=tuple(replace(op, encoding=Encoding.DENSE_8) if isinstance(op, Conv2d) else op for op in result.graph.ops)
    )
    plain = write_blob(dense, plan(dense, result.target))
    assert len(result.blob) - result.section_bytes["metadata"] < 0.7 * (len(plain) - result.section_bytes["metadata"])


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
    for target in map(load_target, ("msp430fr5994", "rp2040")):
        made = plan(result.graph, target)
        check_commit_rule(result.graph, made)
        costs = plan_costs(result.graph, made, target)
        assert costs.recovery + costs.worst_interval + target.prices.commit <= target.prices.most
