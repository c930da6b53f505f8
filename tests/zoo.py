"""Small networks of every common shape, with seeded weights and plausible batch-norm statistics.

`ZOO[name]()` gives (module in eval mode, shape of one sample without the batch).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from freeml_pack.frontend import LoadedModel, load_model
from torch import Tensor, nn
from torch.nn import functional as F

Shape = tuple[int, ...]


def randomize(module: nn.Module, seed: int = 0) -> nn.Module:
    """Seeds the weights and gives every batch norm the statistics of data that went through, as training would."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(like: Tensor, low: float, high: float) -> Tensor:
        return torch.rand(like.shape, generator=generator) * (high - low) + low

    for layer in module.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
            bound = (3.0 / layer.weight[0].numel()) ** 0.5
            layer.weight.data = uniform(layer.weight, -bound, bound) * 1.4
            if layer.bias is not None:
                layer.bias.data = uniform(layer.bias, -0.2, 0.2)
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean = uniform(layer.running_mean, -0.3, 0.3)
            layer.running_var = uniform(layer.running_var, 0.5, 1.5)
            layer.weight.data = uniform(layer.weight, 0.6, 1.4)
            layer.bias.data = uniform(layer.bias, -0.3, 0.3)
    return module.eval()


def conv_bn(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs)]


class PlainCnn(nn.Module):
    """Functional style: no module for the activations, the pools and the flatten."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5)
        self.conv2 = nn.Conv2d(8, 12, 3, padding=1)
        self.fc1 = nn.Linear(12 * 6 * 6, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        return self.fc2(F.relu(self.fc1(x)))


class DownsampleA(nn.Module):
    """Option A of He et al.: every second pixel, channels padded with zeros."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.extra = extra

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.extra, self.extra), "constant", 0.0)


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: nn.Module) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_bn(inputs, outputs, 3, stride)
        self.conv2, self.bn2 = conv_bn(outputs, outputs)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)


class ResNet(nn.Module):
    def __init__(self, shortcut: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_bn(3, 8)
        self.layer1 = nn.Sequential(BasicBlock(8, 8, 1, nn.Identity()))
        self.layer2 = nn.Sequential(BasicBlock(8, 16, 2, shortcut()), BasicBlock(16, 16, 1, nn.Identity()))
        self.linear = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer2(self.layer1(x))
        x = F.avg_pool2d(x, x.size()[3])
        return self.linear(x.view(x.size(0), -1))


class Fire(nn.Module):
    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.squeeze(x))
        return torch.cat([self.relu(self.expand1x1(x)), self.relu(self.expand3x3(x))], 1)


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 4, 1)
        self.fc2 = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1)))
        return x * F.hardsigmoid(self.fc2(scale))


class InvertedResidual(nn.Module):
    """MobileNetV3 block."""

    def __init__(self, channels: int, expanded: int) -> None:
        super().__init__()
        self.expand = nn.Sequential(*conv_bn(channels, expanded, 1), nn.Hardswish())
        self.depthwise = nn.Sequential(*conv_bn(expanded, expanded, 3, groups=expanded), nn.Hardswish())
        self.excite = SqueezeExcite(expanded)
        self.project = nn.Sequential(*conv_bn(expanded, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.project(self.excite(self.depthwise(self.expand(x))))


class ChannelShuffle(nn.Module):
    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.size()
        x = x.view(batch, self.groups, channels // self.groups, height, width)
        return torch.transpose(x, 1, 2).contiguous().view(batch, channels, height, width)


def plain_cnn() -> tuple[nn.Module, Shape]:
    return PlainCnn(), (1, 28, 28)


def cnn_bn() -> tuple[nn.Module, Shape]:
    layers = [*conv_bn(3, 8), nn.ReLU(), nn.MaxPool2d(2), *conv_bn(8, 16), nn.ReLU(), nn.Dropout2d(0.1), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(), nn.Linear(16 * 8 * 8, 10)), (3, 32, 32)


def mobilenet() -> tuple[nn.Module, Shape]:
    layers: list[nn.Module] = [*conv_bn(3, 8, 3, 2), nn.ReLU6()]
    for inputs, outputs, stride in ((8, 16, 1), (16, 24, 2), (24, 24, 1)):
        layers += [*conv_bn(inputs, inputs, 3, stride, inputs), nn.ReLU6(), *conv_bn(inputs, outputs, 1), nn.ReLU6()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10)), (3, 32, 32)


def resnet_a() -> tuple[nn.Module, Shape]:
    return ResNet(lambda: DownsampleA(4)), (3, 16, 16)


def resnet_b() -> tuple[nn.Module, Shape]:
    return ResNet(lambda: nn.Sequential(*conv_bn(8, 16, 1, 2))), (3, 16, 16)


def mlp() -> tuple[nn.Module, Shape]:
    layers = [nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 10)]
    return nn.Sequential(*layers), (1, 8, 8)


def mlp_bn() -> tuple[nn.Module, Shape]:
    layers = [nn.Linear(20, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 5), nn.LogSoftmax(dim=1)]
    return nn.Sequential(*layers), (20,)


def cnn_1d() -> tuple[nn.Module, Shape]:
    layers = [nn.Conv1d(9, 16, 5, padding=2), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2)]
    layers += [nn.Conv1d(16, 24, 3, stride=2), nn.BatchNorm1d(24), nn.ReLU(), nn.AvgPool1d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(24 * 15, 6)), (9, 128)


def ds_cnn() -> tuple[nn.Module, Shape]:
    """Keyword spotting as in Zhang et al., "Hello Edge": 49 frames of 10 coefficients."""
    layers = [nn.Conv2d(1, 16, (10, 4), stride=2, padding=(5, 1)), nn.BatchNorm2d(16), nn.ReLU(), nn.Dropout(0.2)]
    for _ in range(2):
        layers += [nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.BatchNorm2d(16), nn.ReLU()]
        layers += [nn.Conv2d(16, 16, 1), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(*layers, nn.AvgPool2d((25, 5)), nn.Flatten(), nn.Linear(16, 12), nn.Softmax(dim=-1)), (1, 49, 10)


def squeezenet() -> tuple[nn.Module, Shape]:
    layers = [nn.Conv2d(3, 12, 3, stride=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2, ceil_mode=True)]
    layers += [Fire(12, 4, 8), Fire(16, 4, 8), nn.MaxPool2d(2), Fire(16, 6, 12), nn.Dropout(), nn.Conv2d(24, 10, 1)]
    return nn.Sequential(*layers, nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(1)), (3, 32, 32)


def mobilenet_v3() -> tuple[nn.Module, Shape]:
    layers = [*conv_bn(3, 8, 3, 2), nn.Hardswish(), InvertedResidual(8, 16), InvertedResidual(8, 24)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 10)), (3, 24, 24)


def shufflenet() -> tuple[nn.Module, Shape]:
    layers = [*conv_bn(3, 12), nn.ReLU(), *conv_bn(12, 24, 3, 2, groups=3), nn.ReLU(), ChannelShuffle(3)]
    layers += [*conv_bn(24, 24, 1, groups=4), nn.ReLU(), ChannelShuffle(4), *conv_bn(24, 24, 3, 2, groups=24)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10)), (3, 16, 16)


def lenet5() -> tuple[nn.Module, Shape]:
    layers = [nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2)]
    head = [nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10)]
    return nn.Sequential(*layers, *head), (1, 28, 28)


def lenet5_relu() -> tuple[nn.Module, Shape]:
    """As it is mostly built today."""
    layers = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    head = [nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*layers, *head), (1, 28, 28)


def dilated() -> tuple[nn.Module, Shape]:
    layers = [nn.Conv2d(2, 8, 3, padding=2, dilation=2), nn.LeakyReLU(0.1), nn.Conv2d(8, 8, (3, 1), dilation=(3, 1)), nn.ELU()]
    return nn.Sequential(*layers, nn.MaxPool2d(3, 2, 1), nn.Flatten(), nn.Linear(8 * 5 * 8, 4)), (2, 16, 16)


def pruned(module: nn.Module, density: float, *, together: int = 1, values: int = 0, seed: int = 0) -> nn.Module:
    """Keeps a share of the weights of each convolution and linear layer, the same taps for `together` output channels; those
    kept take one of so many `values` in each channel (0: any), the largest among them."""
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
            weight = layer.weight.data
            groups = -(-len(weight) // together)
            keep = torch.rand((groups, *weight.shape[1:]), generator=generator) < density
            if values:
                largest = weight.abs().flatten(1).max(dim=1).values.view(-1, *[1] * (weight.ndim - 1))
                step = 2 * largest / (values - 1)
                weight = ((weight / step - 0.5).round() + 0.5) * step
                keep |= (weight.abs() - largest).abs() < 1e-6  # they set the scale
            layer.weight.data = weight * keep.repeat_interleave(together, dim=0)[: len(weight)]
    return module


def sparse_cnn() -> tuple[nn.Module, Shape]:
    """A fifth of the weights, each channel its own."""
    return PlainCnn(), (1, 28, 28)


def block_sparse_cnn() -> tuple[nn.Module, Shape]:
    """A fifth of the weights, the same taps in four channels."""
    return PlainCnn(), (1, 28, 28)


def coded_resnet() -> tuple[nn.Module, Shape]:
    """8 values in each channel."""
    return ResNet(lambda: nn.Sequential(*conv_bn(8, 16, 1, 2))), (3, 16, 16)


def coded_sparse_1d() -> tuple[nn.Module, Shape]:
    """A quarter of the weights, 14 values."""
    return cnn_1d()


_PRUNING: dict[str, Callable[[nn.Module], nn.Module]] = {
    "sparse_cnn": lambda module: pruned(module, 0.2),
    "block_sparse_cnn": lambda module: pruned(module, 0.2, together=4),
    "coded_resnet": lambda module: pruned(module, 1.0, values=8),
    "coded_sparse_1d": lambda module: pruned(module, 0.25, values=14),
}


def _seeded(build: Callable[[], tuple[nn.Module, Shape]]) -> Callable[[], tuple[nn.Module, Shape]]:
    def seeded() -> tuple[nn.Module, Shape]:
        module, shape = build()
        return _PRUNING.get(build.__name__, lambda module: module)(randomize(module)), shape

    return seeded


ZOO: dict[str, Callable[[], tuple[nn.Module, Shape]]] = {
    build.__name__: _seeded(build)
    for build in (
        plain_cnn,
        cnn_bn,
        mobilenet,
        resnet_a,
        resnet_b,
        mlp,
        mlp_bn,
        cnn_1d,
        ds_cnn,
        squeezenet,
        mobilenet_v3,
        shufflenet,
        lenet5,
        lenet5_relu,
        dilated,
        sparse_cnn,
        block_sparse_cnn,
        coded_resnet,
        coded_sparse_1d,
    )
}


@cache
def loaded(name: str) -> tuple[LoadedModel, Shape]:
    """The network as the packer reads it from a torch.export program, and the shape of a sample. Nothing may change it."""
    module, shape = ZOO[name]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt2"
        torch.export.save(torch.export.export(module, (torch.zeros(1, *shape),)), path)
        return load_model(path), shape
