"""Networks of the sizes that papers and benchmarks use."""

from __future__ import annotations

from torch import nn
from zoo import BasicBlock, Shape, conv_bn, randomize


def kws_ds_cnn() -> tuple[nn.Module, Shape]:
    """DS-CNN-S of Zhang et al., "Hello Edge": 64 channels, four separable layers, 49 frames of 10 coefficients."""
    layers: list[nn.Module] = [nn.Conv2d(1, 64, (10, 4), stride=2, padding=(5, 1)), nn.BatchNorm2d(64), nn.ReLU()]
    for _ in range(4):
        layers += [*conv_bn(64, 64, 3, 1, 64), nn.ReLU(), *conv_bn(64, 64, 1), nn.ReLU()]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 12))
    return randomize(network), (1, 49, 10)


def resnet8() -> tuple[nn.Module, Shape]:
    """ResNet-8 of MLPerf Tiny, for CIFAR-10."""

    def block(inputs: int, outputs: int) -> BasicBlock:
        same = inputs == outputs
        shortcut = nn.Identity() if same else nn.Sequential(*conv_bn(inputs, outputs, 1, 2))
        return BasicBlock(inputs, outputs, 1 if same else 2, shortcut)

    blocks = [block(16, 16), block(16, 32), block(32, 64)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return randomize(nn.Sequential(*conv_bn(3, 16), nn.ReLU(), *blocks, *head)), (3, 32, 32)
