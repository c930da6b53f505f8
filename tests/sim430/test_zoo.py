"""The conformance networks, packed for an MSP430FR5994 as a user packs them: its bytes are the host's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from firmware import answer, check_with_verifier, submit
from freeml_pack.engine import Engine
from freeml_pack.errors import PackError
from freeml_pack.firmware import msp430
from freeml_pack.pipeline import PackOptions, pack
from sim430 import Image, Sim430, Stop
from zoo import ZOO

LIFE = 1_000_000_000  # cycles


@pytest.mark.parametrize("name", ZOO)
def test_same_bytes_as_on_the_host(name: str, common: msp430.Common, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    network, shape = ZOO[name]()
    torch.export.save(torch.export.export(network, (torch.zeros(1, *shape),)), tmp_path / "model.pt2")
    result = pack(PackOptions(model=tmp_path / "model.pt2", target="msp430fr5994"))
    engine = Engine(result.blob)
    try:
        msp430.build(result.blob, tmp_path / "firmware.elf", common, result.target)
    except PackError as error:
        if common.toolchain.own_runtime:
            raise
        pytest.skip(f"GCC's firmware is larger: {error}")
    machine = Sim430(Image.from_elf(tmp_path / "firmware.elf"))
    samples = np.random.default_rng(0).integers(0, 256, (2, engine.sample_size), np.uint8)
    for tag, sample in enumerate(samples, 1):
        submit(machine, sample.tobytes(), tag)
        machine.lose_power(tag)
        assert machine.run(cycles=LIFE) is Stop.OFF
        assert answer(machine) == (tag, [int(score) for score in engine.run(sample.tobytes())])
    check_with_verifier(result.blob, common, tmp_path)
    print(f"{name}: {machine.counters.cycles:,} cycles")
