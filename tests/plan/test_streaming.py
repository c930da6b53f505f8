"""Where RAM is scarce, a step's constants are streamed in smaller pieces, and the answers stay the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from freeml_pack import passes
from freeml_pack.build import build
from freeml_pack.frontend import load_model
from freeml_pack.targets import load_target
from torch import nn


def test_constants_are_read_in_pieces_that_the_ram_has_room_for(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 24, 3), nn.ReLU(), nn.Conv2d(24, 48, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(48 * 36, 10)]
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(nn.Sequential(*layers).eval(), (torch.zeros(1, 1, 16, 16),)), path)
    graph = passes.standard(load_model(path).graph)
    target = replace(load_target("msp430fr5994"), mapped_bytes=0, ram_bytes=None)
    x = np.random.default_rng(0).normal(size=(8, 1, 16, 16)).astype(np.float32)

    roomy = build(graph, x, target)
    ram = roomy.costs.ram * 3 // 4
    narrow = build(graph, x, replace(target, ram_bytes=ram))
    assert narrow.costs.ram <= ram < roomy.costs.ram
    assert len(roomy.blob) < len(narrow.blob) < 1.1 * len(roomy.blob)
    samples = np.random.default_rng(1).integers(-128, 128, (16, *roomy.graph.sample.shape), np.int8)
    assert roomy.engine.run_batch(samples).tolist() == narrow.engine.run_batch(samples).tolist()
