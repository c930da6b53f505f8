"""Folding of scales and shifts per channel, on graphs made by hand and against torch."""

from __future__ import annotations

import copy

import pytest
import torch
from frontend.compare import check, kinds
from torch import Tensor, nn
from torch.nn import functional as F
from zoo import randomize

SHAPE = (4, 7, 7)


def scaled(*layers: nn.Module) -> nn.Module:
    return randomize(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), seed=3)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6)], "Conv2d"),
        ([nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6)], "Conv2d"),
        ([nn.Conv2d(4, 8, 3, groups=4), nn.BatchNorm2d(8)], "DepthwiseConv2d"),
        ([nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.BatchNorm2d(6)], "Conv2d"),
        # Forward, where there is nothing before to fold into.
        ([nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3)], "Conv2d"),
        ([nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, groups=2)], "Conv2d"),
        ([nn.BatchNorm2d(4), nn.Conv2d(4, 8, 3, groups=4)], "DepthwiseConv2d"),
        # A padded convolution would see the shift at its border.
        ([nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=1)], "DepthwiseConv2d Conv2d"),
        # An activation stands between.
        ([nn.Conv2d(4, 6, 3), nn.ReLU(), nn.BatchNorm2d(6)], "Conv2d DepthwiseConv2d"),
        ([nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 3)], "DepthwiseConv2d Conv2d"),
    ],
)
def test_folding(layers: list[nn.Module], expected: str) -> None:
    graph = check(scaled(*copy.deepcopy(layers)), SHAPE)
    assert kinds(graph)[1:-1] == expected.split()


def test_a_scale_without_shift_folds_into_a_padded_convolution() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 3, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x * torch.arange(1.0, 5.0).reshape(4, 1, 1)).amax((2, 3))

    assert kinds(check(Scaled(), SHAPE)) == ["Quantize", "Conv2d", "MaxPool2d"]


def test_an_output_that_others_read_is_not_changed() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3)
            self.bn = nn.BatchNorm2d(4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            return (F.relu(self.bn(x)) + x).amax((2, 3))

    graph = check(randomize(Shared()), SHAPE)
    assert kinds(graph) == ["Quantize", "Conv2d", "DepthwiseConv2d", "Add", "MaxPool2d"]


def test_statistics_of_the_batch_norm_describe_the_folded_output() -> None:
    module = scaled(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU())
    graph = check(module, SHAPE)
    stats = graph.tensors[graph.ops[1].output].stats
    assert stats is not None
    torch.testing.assert_close(torch.from_numpy(stats[0]), module[1].bias.data)
    torch.testing.assert_close(torch.from_numpy(stats[1]), module[1].weight.data.abs())
