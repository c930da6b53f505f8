"""The numpy oracle and the C core give the same bytes: two implementations of SPEC.md, written apart from each other."""

from __future__ import annotations

import numpy as np
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.calibrate import calibrate
from freeml_pack.engine import Engine
from freeml_pack.frontend.export import from_module
from freeml_pack.graph import Graph
from freeml_pack.oracle import run_oracle
from freeml_pack.passes import standard
from freeml_pack.plan import plan
from freeml_pack.quantize import quantize
from freeml_pack.samples import sample_bytes
from freeml_pack.targets import load_target
from quantize.networks import NETWORKS
from zoo import ZOO


def network(name: str) -> Graph:
    if name in NETWORKS:
        return NETWORKS[name]()
    module, shape = ZOO[name]()
    return standard(from_module(module, name, "module", shape).graph)


@pytest.mark.parametrize("name", [*NETWORKS, *ZOO])
def test_same_bytes(name: str) -> None:
    graph = network(name)
    quantized = quantize(graph, calibrate(graph, None))
    random = np.random.default_rng(0)
    real = sample_bytes(quantized.sample, random.normal(size=(3, *graph.sample.shape)).astype(np.float32))
    extreme = random.choice(np.array([0, 127, 128, 255], np.uint8), (2, quantized.sample.size))
    samples = np.concatenate([real, extreme])
    expected = run_oracle(quantized, samples)
    assert len(np.unique(expected[:3])) > 3
    engine = Engine(write_blob(quantized, plan(quantized, load_target("generic"))))
    assert (engine.run_batch(samples, None) == expected).all()
