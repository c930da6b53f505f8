"""Every operator that the front end knows, against torch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from freeml_pack.graph import OutputTransform, Quantize
from frontend.compare import check, kinds
from torch import Tensor, nn
from torch.nn import functional as F

IMAGE = (4, 6, 8)
SIGNAL = (5, 12)
VECTOR = (7,)


class Function(nn.Module):
    """A function between two layers, so that it meets tensors rather than the sample."""

    def __init__(self, function: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.function = function
        self.before = {3: nn.Conv2d, 2: nn.Conv1d, 1: lambda c, d, _: nn.Linear(c, d)}[len(shape)](shape[0], shape[0], 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.flatten(self.function(self.before(x)), 1)


def constant(*shape: int) -> Tensor:
    return torch.linspace(0.5, 1.5, int(torch.Size(shape).numel())).reshape(shape)


def no_gradients(x: Tensor) -> Tensor:
    with torch.no_grad():
        return F.relu(x)


FUNCTIONS: dict[str, tuple[Callable[[Tensor], Tensor], tuple[int, ...]]] = {
    # Pointwise functions
    "relu": (F.relu, IMAGE),
    "relu6": (lambda x: F.relu6(4 * x), IMAGE),
    "hardtanh": (lambda x: F.hardtanh(x, -0.5, 0.25), IMAGE),
    "clamp": (lambda x: x.clamp(-0.1, 0.7), SIGNAL),
    "clamp from below": (lambda x: x.clamp(min=-0.1), SIGNAL),
    "clamp from above": (lambda x: torch.clamp_max(x, 0.1), SIGNAL),
    "sigmoid": (lambda x: torch.sigmoid(x) + 0.0 * x, IMAGE),
    "tanh": (torch.tanh, VECTOR),
    "hardswish": (F.hardswish, IMAGE),
    "hardswish spelled out": (lambda x: x * F.relu6(x + 3) / 6, IMAGE),
    "hardswish in two parts": (lambda x: x * (F.relu6(x + 3) / 6), IMAGE),
    "hardsigmoid": (F.hardsigmoid, IMAGE),
    "silu": (F.silu, IMAGE),
    "silu spelled out": (lambda x: x * torch.sigmoid(x), IMAGE),
    "mish": (lambda x: x * torch.tanh(F.softplus(x)), IMAGE),
    "gelu": (F.gelu, VECTOR),
    "gelu by tanh": (lambda x: F.gelu(x, approximate="tanh"), VECTOR),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), SIGNAL),
    "elu": (lambda x: F.elu(x, 0.7), SIGNAL),
    "selu": (F.selu, SIGNAL),
    "celu": (lambda x: F.celu(x, 0.5), SIGNAL),
    "softplus": (lambda x: F.softplus(x, 2.0), SIGNAL),
    "prelu": (lambda x: F.prelu(x, torch.tensor([0.3])), IMAGE),
    "prelu per channel": (lambda x: F.prelu(x, constant(4)), IMAGE),
    "abs": (torch.abs, IMAGE),
    "exp": (torch.exp, IMAGE),
    "mish in one": (F.mish, IMAGE),
    "log of a sigmoid": (F.logsigmoid, IMAGE),
    "square root": (lambda x: torch.sqrt(F.relu(x) + 0.1), IMAGE),
    "logarithm": (lambda x: torch.log(x.abs() + 0.1) + torch.log1p(x.abs()), IMAGE),
    "sign": (torch.sign, IMAGE),
    "sine and cosine": (lambda x: torch.cat([x.sin(), x.cos()], 1), VECTOR),
    "square": (lambda x: x**2, IMAGE),
    "product with itself": (lambda x: x * x, IMAGE),
    "activation of a slice": (lambda x: F.relu(x[:, 1:3]), IMAGE),
    "in place": (lambda x: x.relu_().mul_(2.0).add_(1.0), IMAGE),
    # With constants
    "constants": (lambda x: 3.0 - (x * 2.0 - 1.0) / 4.0, IMAGE),
    "negation": (lambda x: -x, IMAGE),
    "scale per channel": (lambda x: x * constant(4, 1, 1) + constant(1, 4, 1, 1), IMAGE),
    "shift per element": (lambda x: x + constant(4, 6, 8), IMAGE),
    "shift per column": (lambda x: x + constant(8), IMAGE),
    "division by a constant vector": (lambda x: x / constant(7), VECTOR),
    "batch norm of a flattened image": (
        lambda x: F.batch_norm(x.flatten(1), torch.zeros(192), constant(192), constant(192), constant(192)),
        IMAGE,
    ),
    # With each other
    "add": (lambda x: x + F.relu(x), IMAGE),
    "subtract": (lambda x: torch.sub(F.relu(x), x, alpha=2), IMAGE),
    "add of permuted": (lambda x: x + x.flip(3), IMAGE),
    "add broadcast": (lambda x: x + x.mean((2, 3), keepdim=True), IMAGE),
    "outer sum": (lambda x: x.mean(2, keepdim=True) + x.mean(3, keepdim=True), IMAGE),
    "multiply": (lambda x: x * torch.tanh(x), IMAGE),
    "gate per channel": (lambda x: F.adaptive_avg_pool2d(x, 1) * x, IMAGE),
    "gate per pixel": (lambda x: x * x.mean(1, keepdim=True), IMAGE),
    "gated linear unit": (lambda x: F.glu(x, 1), IMAGE),
    "larger of two": (lambda x: torch.maximum(x[:, :2], x[:, 2:]) + torch.max(x[:, 1:3], x.mean(1, keepdim=True)), IMAGE),
    "smaller of two": (lambda x: torch.minimum(x, constant(4, 1, 1) - 1), IMAGE),
    "gate of flattened": (lambda x: x.flatten(1) * torch.sigmoid(x.flatten(1)), IMAGE),
    # Pooling and reductions
    "mean of an image": (lambda x: x.mean((2, 3)), IMAGE),
    "mean of an image, axes kept": (lambda x: x.mean((-1, -2), keepdim=True), IMAGE),
    "mean over rows": (lambda x: x.mean(2), IMAGE),
    "mean over columns": (lambda x: x.mean(3), IMAGE),
    "mean over channels": (lambda x: x.mean(1), IMAGE),
    "mean over flattened pixels": (lambda x: x.flatten(2).mean(2), IMAGE),
    "mean of a signal": (lambda x: x.mean(-1), SIGNAL),
    "mean over a signal's channels": (lambda x: x.mean(1), SIGNAL),
    "sum": (lambda x: x.sum((2, 3)), IMAGE),
    "amin": (lambda x: x.amin((2, 3)), IMAGE),
    "amax": (lambda x: x.amax((2, 3)), IMAGE),
    "max over an axis": (lambda x: x.max(2)[0], SIGNAL),
    "max over channels": (lambda x: x.max(1, keepdim=True).values, IMAGE),
    "adaptive average, even": (lambda x: F.adaptive_avg_pool2d(x, (3, 2)), IMAGE),
    "adaptive average, uneven": (lambda x: F.adaptive_avg_pool2d(x, (4, 5)), IMAGE),
    "adaptive average, one axis": (lambda x: F.adaptive_avg_pool2d(x, (None, 1)), IMAGE),
    "adaptive average of a signal": (lambda x: F.adaptive_avg_pool1d(x, 5), SIGNAL),
    "adaptive maximum": (lambda x: F.adaptive_max_pool2d(x, (3, 2)), IMAGE),
    "adaptive maximum of a signal": (lambda x: F.adaptive_max_pool1d(x, 1), SIGNAL),
    "average with divisor": (lambda x: F.avg_pool2d(x, 2, divisor_override=3), IMAGE),
    # Moving elements
    "view": (lambda x: x.view(x.shape[0], 8, 24), IMAGE),
    "permute": (lambda x: x.permute(0, 2, 3, 1), IMAGE),
    "permute, then activation": (lambda x: F.relu(x.permute(0, 3, 1, 2).contiguous()), IMAGE),
    "transpose": (lambda x: x.transpose(1, 2), SIGNAL),
    "squeeze and unsqueeze": (lambda x: x.unsqueeze(2).squeeze(2).unsqueeze(-1), SIGNAL),
    "slice": (lambda x: F.relu(x[:, :, 1:5:2, 2:]), IMAGE),
    "select": (lambda x: F.relu(x[:, :, 3]), IMAGE),
    "last step": (lambda x: F.relu(x[:, :, -1]), SIGNAL),
    "chunk": (lambda x: torch.mul(*x.chunk(2, 1)), IMAGE),
    "split": (lambda x: F.relu(x.split([1, 3], 1)[1]), IMAGE),
    "unbind": (lambda x: x.unbind(1)[1] + x.unbind(1)[2], IMAGE),
    "narrow": (lambda x: F.relu(x.narrow(1, 1, 2)), IMAGE),
    "flip": (lambda x: F.relu(x.flip(1)), IMAGE),
    "expand": (lambda x: F.relu(x[:, :1].expand(-1, 3, -1, -1)), IMAGE),
    "repeat": (lambda x: F.relu(x.repeat(1, 2, 1, 1)), IMAGE),
    "pixel shuffle": (lambda x: F.relu(F.pixel_shuffle(x, 2)), IMAGE),
    "channel shuffle": (lambda x: F.relu(F.channel_shuffle(x, 2)), IMAGE),
    "upsampling by expansion": (
        lambda x: x[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2).reshape(x.shape[0], 4, 12, 16).relu(),
        IMAGE,
    ),
    "to and clone": (lambda x: x.to(torch.float32).clone().contiguous().detach(), IMAGE),
    "dropout": (lambda x: F.dropout(x, 0.5, training=False), IMAGE),
    # Padding and joining
    "pad": (lambda x: F.relu(F.pad(x, (1, 2, 0, 1))), IMAGE),
    "pad with nothing": (lambda x: F.relu(F.pad(x, (0, 0))), IMAGE),
    "pad channels": (lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2)).relu(), IMAGE),
    "crop by negative padding": (lambda x: F.relu(F.pad(x, (-1, 0, 1, -1))), IMAGE),
    "pad, then average": (lambda x: F.avg_pool2d(F.pad(x, (1, 1, 1, 1)), 2), IMAGE),
    "pad, then maximum": (lambda x: F.max_pool2d(F.pad(x - 5.0, (1, 0, 1, 0)), 2), IMAGE),
    "cat channels": (lambda x: torch.cat([x, F.relu(x)], 1), IMAGE),
    "cat, then activation": (lambda x: F.relu(torch.cat([x, torch.tanh(x)], 1)), IMAGE),
    "cat rows": (lambda x: torch.cat([x, F.relu(x), x[:, :, :1]], 2), IMAGE),
    "cat with constants": (lambda x: torch.cat([x, constant(1, 1, 6, 8).expand(x.shape[0], -1, -1, -1)], 1), IMAGE),
    "sliding windows": (lambda x: x.unfold(2, 4, 2).relu(), SIGNAL),
    "cat columns": (lambda x: torch.cat([F.relu(x), x], -1), IMAGE),
    "cat padded": (lambda x: torch.cat([F.pad(x, (0, 0, 1, 0)), F.relu(F.pad(x, (0, 0, 0, 1)))], 1), IMAGE),
    "cat with zeros": (lambda x: torch.cat([x[:, :, ::2], torch.zeros_like(x[:, :, ::2]), 0 * x[:, :, ::2]], 1), IMAGE),
    "linear upsampling": (lambda x: F.interpolate(x, scale_factor=(3, 2), mode="bilinear"), IMAGE),
    "linear upsampling to a size": (lambda x: F.interpolate(x, size=36, mode="linear"), SIGNAL),
    "channels in no order": (lambda x: F.relu(x[:, [3, 0, 2, 0, 1]]), IMAGE),
    "upsampling": (lambda x: F.interpolate(x, scale_factor=2).relu(), IMAGE),
    "upsampling to a size": (lambda x: F.interpolate(x, size=18).relu(), SIGNAL),
    "without gradients": (no_gradients, IMAGE),
    "cat of slices": (lambda x: torch.cat([x[:, 2:], x[:, :2]], 1).relu(), IMAGE),
    "cat of vectors": (lambda x: torch.cat([x, torch.sigmoid(x), x.exp()], 1), VECTOR),
    "stack": (lambda x: torch.stack([x, F.relu(x)], 1), SIGNAL),
    # Linear
    "linear after flatten": (lambda x: F.linear(x.flatten(1), constant(3, 192) - 1), IMAGE),
    "linear over the last axis": (lambda x: F.linear(x, constant(3, 12) - 1, constant(3)), SIGNAL),
    "linear over channels": (lambda x: F.linear(x.permute(0, 2, 3, 1), constant(3, 4) - 1), IMAGE),
    "linear of a slice": (lambda x: F.linear(x[:, :, -1], constant(3, 5) - 1), SIGNAL),
    "linear of padded": (lambda x: F.linear(F.pad(x, (2, 1)), constant(3, 10) - 1), VECTOR),
    "matmul": (lambda x: x @ (constant(7, 3) - 1), VECTOR),
    "matmul from the left": (lambda x: (constant(3, 5) - 1) @ x, SIGNAL),
    "matmul with a stack of one matrix": (lambda x: torch.bmm(x, (constant(12, 3) - 1).expand(len(x), -1, -1)), SIGNAL),
    "addmm": (lambda x: torch.addmm(constant(3), x, constant(7, 3), beta=2, alpha=0.5), VECTOR),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_operator(name: str) -> None:
    function, shape = FUNCTIONS[name]
    check(Function(function, shape), shape)


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "pad 'same', even kernel": (lambda: nn.Conv2d(4, 3, (4, 2), padding="same"), IMAGE),
    "pad 'same', dilated": (lambda: nn.Conv1d(5, 3, 4, padding="same", dilation=2), SIGNAL),
    "pad 'valid'": (lambda: nn.Conv2d(4, 3, 3, padding="valid"), IMAGE),
    "padding layer before a convolution": (lambda: nn.Sequential(nn.ZeroPad2d((0, 1, 2, 1)), nn.Conv2d(4, 3, 3, 2)), IMAGE),
    "padding layer, wider than the kernel": (lambda: nn.Sequential(nn.ZeroPad2d(3), nn.Conv2d(4, 3, 2)), IMAGE),
    "depthwise with multiplier": (lambda: nn.Conv2d(4, 12, 3, groups=4), IMAGE),
    "depthwise signal": (lambda: nn.Conv1d(5, 5, 3, groups=5), SIGNAL),
    "grouped": (lambda: nn.Conv2d(4, 6, 3, groups=2, bias=False), IMAGE),
    "one channel": (lambda: nn.Conv2d(1, 1, 3), (1, 6, 8)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 3, 2, 2), IMAGE),
    "transposed, overlapping": (lambda: nn.ConvTranspose2d(4, 3, (3, 4), (2, 3), padding=(1, 2), output_padding=(1, 0)), IMAGE),
    "transposed, dilated": (lambda: nn.ConvTranspose2d(4, 3, 3, 2, padding=1, dilation=2, output_padding=1, bias=False), IMAGE),
    "transposed, grouped": (lambda: nn.ConvTranspose2d(4, 6, 3, 2, groups=2), IMAGE),
    "transposed, depthwise": (lambda: nn.ConvTranspose2d(4, 8, 3, 2, groups=4), IMAGE),
    "transposed, gaps": (lambda: nn.ConvTranspose2d(4, 3, 2, 4, output_padding=3), IMAGE),
    "transposed signal": (lambda: nn.ConvTranspose1d(5, 3, 5, 2, padding=2, output_padding=1), SIGNAL),
    "transposed, cropped to less than the input": (lambda: nn.ConvTranspose2d(4, 3, 1, 1, padding=2), IMAGE),
    "reflection": (lambda: nn.Sequential(nn.ReflectionPad2d((3, 1, 2, 0)), nn.Conv2d(4, 3, 3)), IMAGE),
    "reflection of a signal": (lambda: nn.Conv1d(5, 3, 5, padding=2, padding_mode="reflect"), SIGNAL),
    "replication": (lambda: nn.Conv2d(4, 3, (3, 5), padding=(1, 2), padding_mode="replicate"), IMAGE),
    "circular": (lambda: nn.Conv2d(4, 3, 3, padding=1, padding_mode="circular"), IMAGE),
    "maximum with ceil_mode": (lambda: nn.MaxPool2d(3, 2, ceil_mode=True), IMAGE),
    "maximum dilated": (lambda: nn.MaxPool2d(2, 1, dilation=2), IMAGE),
    "average with ceil_mode": (lambda: nn.AvgPool2d(4, 3, ceil_mode=True), IMAGE),
    "average, padding counts": (lambda: nn.AvgPool2d(3, 2, padding=1), IMAGE),
    "average, padding does not count": (lambda: nn.AvgPool2d(3, 2, padding=1, count_include_pad=False), IMAGE),
    "average of a signal": (lambda: nn.AvgPool1d(3, 2, padding=1), SIGNAL),
    "batch norm first": (lambda: nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 3, 3, padding=1)), IMAGE),
    "batch norm without affine": (lambda: nn.Sequential(nn.Conv2d(4, 3, 1), nn.BatchNorm2d(3, affine=False)), IMAGE),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 3, 3)), IMAGE),
    "old weight norm": (lambda: nn.utils.weight_norm(nn.Linear(7, 3)), VECTOR),
    "identity": (nn.Identity, VECTOR),
    "unflatten": (lambda: nn.Sequential(nn.Linear(7, 8), nn.Unflatten(1, (2, 2, 2)), nn.Conv2d(2, 3, 1)), VECTOR),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str) -> None:
    build, shape = LAYERS[name]
    torch.manual_seed(2)
    check(nn.Sequential(build(), nn.Flatten()), shape)


def test_padding_layer_disappears_in_the_convolution() -> None:
    graph = check(nn.Sequential(nn.ZeroPad2d((0, 1, 2, 1)), nn.Conv2d(4, 3, 3, 2), nn.Flatten(), nn.Linear(48, 2)), IMAGE)
    assert kinds(graph) == ["Quantize", "Conv2d", "Conv2d"]


def test_normalisation_inside_the_model_folds_into_the_first_layer() -> None:
    class Normalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", constant(1, 4, 1, 1))
            self.conv = nn.Conv2d(4, 3, (6, 8))

        def forward(self, x: Tensor) -> Tensor:
            return self.conv((x - self.mean) / 0.25).flatten(1)

    assert kinds(check(Normalised(), IMAGE)) == ["Quantize", "Conv2d"]


def test_channels_last_data_needs_no_copy() -> None:
    class ChannelsLast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, (6, 8))

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x.permute(0, 3, 1, 2)).flatten(1)

    graph = check(ChannelsLast(), (6, 8, 3))
    assert kinds(graph) == ["Quantize", "Conv2d"]
    assert isinstance(graph.ops[0], Quantize)
    assert graph.ops[0].view.source == graph.ops[0].view.destination


def test_sigmoid_at_the_end_keeps_the_scores() -> None:
    graph = check(nn.Sequential(nn.Linear(7, 1), nn.Sigmoid()), VECTOR)
    assert graph.output_transform == OutputTransform.SIGMOID
    assert kinds(graph) == ["Quantize", "Conv2d"]


def test_recurrent_weights_shared_by_two_layers() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(7, 7)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(torch.tanh(self.layer(x)))

    graph = check(Shared(), VECTOR)
    assert [op.name for op in graph] == ["quantize", "layer", "layer:2"]


def test_residual_on_the_sample_itself() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return (x + self.conv(x)).flatten(1)

    assert kinds(check(Residual(), IMAGE)) == ["Quantize", "Conv2d", "Add", "Copy"]
