"""The samples that a simulated device is to answer for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from freeml_pack.blob import open_metadata
from freeml_pack.data import load_data
from freeml_pack.errors import PackError
from freeml_pack.graph import Sample
from freeml_pack.inspection.network import Network
from freeml_pack.samples import limits, sample_bytes

_RANDOM_SAMPLES = 64


@dataclass(frozen=True, eq=False)
class Samples:
    """What the sensor gives, one after the other, then again. bytes: uint8 [N, sample size]; labels: int64 [N] or None."""

    bytes: np.ndarray
    labels: np.ndarray | None

    def __len__(self) -> int:
        return len(self.bytes)

    def truth(self, index: int) -> int | None:
        return None if self.labels is None else int(self.labels[index])


def load_samples(path: str, blob: bytes, network: Network) -> Samples:
    """The test samples of an .npz (without them the training samples), as freeml-pack read them. PackError where they are not
    for this model."""
    data = load_data(path)
    split = data.test or data.train
    assert split is not None
    sample = _sample(blob, network)
    if int(np.prod(split.x.shape[1:])) != sample.elements:
        raise PackError(
            f"{path} has samples of shape {split.x.shape[1:]}, the model takes {sample.shape}: give the data of the model"
        )
    low, high = limits(network.sample_type)
    if not sample.input_scale and (split.x.dtype.kind == "f" or split.x.min() < low or split.x.max() > high):
        kind = network.sample_type.name.lower()
        raise PackError(
            f"{path} has {split.x.dtype} samples, the model was packed for {kind}: give the data that it was packed with"
        )
    return Samples(sample_bytes(sample, split.x), split.y)


def random_samples(network: Network, seed: int) -> Samples:
    """Noise, for which no label is known."""
    shape = (_RANDOM_SAMPLES, network.sample.size)
    return Samples(np.random.default_rng(seed).integers(0, 256, shape, np.uint8), None)


def _sample(blob: bytes, network: Network) -> Sample:
    model = open_metadata(blob)
    scale = [float(model.InputScale(index)) for index in range(model.InputScaleLength())]
    offset = [float(model.InputOffset(index)) for index in range(model.InputOffsetLength())]
    return Sample(
        network.sample_shape,
        network.sample_type,
        input_scale=tuple(scale),
        input_offset=tuple(offset),
        input_repeat=max(1, model.InputRepeat()),
    )
