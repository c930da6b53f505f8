"""Training a network of the results: the same whether interrupted or not, and it learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from results import augment, train
from results.datasets import DIGITS
from results.networks import NETWORKS, Network, Recipe
from torch import nn


def build() -> nn.Module:
    layers = [nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 10)]
    return nn.Sequential(*layers)


NETWORK = Network("small", "small", replace(DIGITS, augment=augment.flipped_and_shifted), build, Recipe(4, rate=2e-2), 1)


def test_interrupted_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    data = NETWORK.dataset.open(NETWORK.dataset.write(tmp_path, tmp_path))
    whole = train.baseline(NETWORK, data, tmp_path / "whole")
    assert whole.accuracy > 0.6  # chance is 0.1

    genuine, calls = train.train_epoch, []

    def interrupted(*arguments: object) -> float:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return genuine(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(train, "train_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train.baseline(NETWORK, data, tmp_path / "parts")
    parts = train.baseline(NETWORK, data, tmp_path / "parts")
    assert len(calls) == 3 + 2
    assert parts.accuracy == whole.accuracy
    weights = [torch.load(trained.weights, weights_only=True) for trained in (whole, parts)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])

    assert train.baseline(NETWORK, data, tmp_path / "parts") == parts
    assert len(calls) == 5  # taken over
    train.baseline(replace(NETWORK, recipe=Recipe(1)), data, tmp_path / "parts")
    assert len(calls) == 6  # another recipe


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_take_their_data(name: str) -> None:
    network = NETWORKS[name]
    x = torch.zeros(2, *network.dataset.input_shape)
    assert network.build().eval()(x).shape == (2, {"har": 6, "kws_s": 12, "kws_m": 12}.get(name, 10))


@pytest.mark.parametrize("vary", [augment.flipped_and_shifted, augment.spoken_elsewhere])
def test_variations_are_decided_by_the_generator(vary: augment.Augment) -> None:
    x = torch.randn(5, 2, 24, 16)
    first, again, other = (vary(x, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape == x.shape
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_shifted_images_are_parts_of_the_image() -> None:
    """A picture whose pixels are all different, without the mirroring: each row stays in order."""
    x = torch.arange(16 * 16, dtype=torch.float32).reshape(1, 1, 16, 16).repeat(40, 1, 1, 1)
    moved = augment.flipped_and_shifted(x, torch.Generator().manual_seed(0))
    offsets = {float(image[0, 8, 8]) - float(x[0, 0, 8, 8]) for image in moved}
    assert len(offsets) > 10
    assert {abs(float(image[0, 8, 9] - image[0, 8, 8])) for image in moved} == {1.0}
    assert {float(image[0, 9, 8] - image[0, 8, 8]) for image in moved} == {16.0}
