"""Networks of the zoo, packed, with samples and the answers that the C core on this computer gives to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from freeml_pack.engine import Engine
from freeml_pack.graph import Graph


@dataclass(frozen=True, eq=False)
class Packed:
    blob: bytes
    graph: Graph
    samples: np.ndarray  # uint8 [N, sample bytes], random
    expected: np.ndarray  # int8 [N, scores], as the C core on this computer gives them
    nvm_size: int

    def install(self, folder: Path) -> None:
        """model.fml, samples.bin (all samples), sample.bin (the first one)."""
        (folder / "model.fml").write_bytes(self.blob)
        (folder / "samples.bin").write_bytes(self.samples.tobytes())
        (folder / "sample.bin").write_bytes(self.samples[0].tobytes())


def pack_network(name: str, folder: Path) -> Packed:
    """Packs a network of tests/zoo.py: "NAME" for samples of floats, "NAME TYPE" for integers of a numpy type."""
    import torch
    from freeml_pack.pipeline import PackOptions, pack
    from zoo import ZOO

    name, _, sample_type = name.partition(" ")
    network, shape = ZOO[name]()
    torch.export.save(torch.export.export(network.eval(), (torch.zeros(1, *shape),)), folder / "model.pt2")
    data = None
    if sample_type:
        data = folder / "data.npz"
        np.savez(data, x_train=np.random.default_rng(1).integers(0, 256, (64, *shape)).astype(sample_type))
    packed = pack(PackOptions(model=folder / "model.pt2", data=data))
    engine = Engine(packed.blob)
    samples = np.random.default_rng(0).integers(0, 256, (3, engine.sample_size), np.uint8)
    return Packed(packed.blob, packed.graph, samples, engine.run_batch(samples), engine.nvm_size)
