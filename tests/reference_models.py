"""Networks of checkpoints that other people trained and published, written from the descriptions of their architectures.
The checkpoints are not in this repository; tests that need them skip without."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def two_convolutions(channels: int, flattened: int) -> nn.Sequential:
    layers = [nn.Conv2d(channels, 16, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 4, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(flattened, 100), nn.ReLU(), nn.Linear(100, 10))


def convex_fashion_mnist() -> nn.Module:
    """Provably robust network for Fashion-MNIST, input (1, 28, 28)."""
    return two_convolutions(1, 1568)


def cifar_cnn_a_mix() -> nn.Module:
    """Robust network for CIFAR-10, input (3, 32, 32)."""
    return two_convolutions(3, 2048)


class PlainBlock(nn.Module):
    """Residual block without batch norm."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv2(F.relu(self.conv1(x))) + self.shortcut(x))


class ResNet2b(nn.Module):
    """Two residual blocks for CIFAR-10, input (3, 32, 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 2, 1)
        self.layer1 = nn.Sequential(PlainBlock(8, 16, 2), PlainBlock(16, 16, 1))
        self.linear1 = nn.Linear(1024, 100)
        self.linear2 = nn.Linear(100, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer1(F.relu(self.conv1(x)))
        return self.linear2(F.relu(self.linear1(torch.flatten(x, 1))))


class CifarBlock(nn.Module):
    """Residual block of He et al. for CIFAR: option A, a shortcut without weights."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.extra = (outputs - inputs) // 2

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.extra:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.extra, self.extra))
        return F.relu(y + x)


class CifarResNet(nn.Module):
    """ResNet-(6n+2) of He et al. for CIFAR-10, input (3, 32, 32)."""

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self.stage(16, 16, blocks, 1)
        self.layer2 = self.stage(16, 32, blocks, 2)
        self.layer3 = self.stage(32, 64, blocks, 2)
        self.linear = nn.Linear(64, 10)

    @staticmethod
    def stage(inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
        rest = [CifarBlock(outputs, outputs, 1) for _ in range(blocks - 1)]
        return nn.Sequential(CifarBlock(inputs, outputs, stride), *rest)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


def resnet32() -> nn.Module:
    return CifarResNet(5)


class SpeechResNet(nn.Module):
    """res8-narrow of Tang and Lin, "Deep residual learning for small-footprint keyword spotting", input (101, 40)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(1, 19, 3, padding=1, bias=False)
        self.pool = nn.AvgPool2d((4, 3))
        for number in range(1, 7):
            self.add_module(f"conv{number}", nn.Conv2d(19, 19, 3, padding=1, bias=False))
            self.add_module(f"bn{number}", nn.BatchNorm2d(19, affine=False))
        self.output = nn.Linear(19, 12)

    def forward(self, x: Tensor) -> Tensor:
        x = before = self.pool(F.relu(self.conv0(x.unsqueeze(1))))
        for number in range(1, 7):
            x = F.relu(self.get_submodule(f"conv{number}")(x))
            if number % 2 == 0:
                x = before = x + before
            x = self.get_submodule(f"bn{number}")(x)
        return self.output(x.flatten(2).mean(2))
