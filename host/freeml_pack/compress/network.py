"""A float graph as a torch module: the weights and biases of its convolutions can be trained. And back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from freeml_pack.activations import clamp_bounds, preactivation
from freeml_pack.compress.functions import activate
from freeml_pack.graph import (
    Add,
    AveragePool2d,
    Conv2d,
    Copy,
    DepthwiseConv2d,
    Fill,
    Graph,
    MaxPool2d,
    Multiply,
    Op,
    Quantize,
    Window,
)
from freeml_pack.windows import taps_inside

Convolution = Conv2d | DepthwiseConv2d
WeightView = Callable[[Tensor], Tensor]
ValueView = Callable[[str, Tensor], Tensor]


class Network(nn.Module):
    """float32 [N, *graph.sample.shape], normalised -> float32 [N, outputs]. A layer goes by the name of its op's output.

    weight_views: what a layer computes with in place of its weight (masks, fake quantization).
    value_view: called with each tensor's name and value [N, C, H, W], and before an activation that is not a clamp with
    `preactivation(name)`; what it returns replaces the value."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.layers: dict[str, Convolution] = {op.output: op for op in graph if isinstance(op, Convolution)}
        self._index = {name: str(index) for index, name in enumerate(self.layers)}
        self._weights = nn.ParameterDict({self._index[n]: _parameter(op.weight) for n, op in self.layers.items()})
        self._biases = nn.ParameterDict({self._index[n]: _parameter(op.bias) for n, op in self.layers.items()})
        self._norms = nn.ModuleDict()
        self.weight_views: dict[str, WeightView] = {}
        self.value_view: ValueView | None = None
        self._places: dict[int, tuple[Tensor, Tensor]] = {}
        self._last_use = {name: i for i, op in enumerate(graph) for name in (*op.inputs, op.output)}

    def weight(self, layer: str) -> nn.Parameter:
        """[out, kernel_h, kernel_w, in / groups], or [out, kernel_h, kernel_w] where depthwise."""
        return self._weights[self._index[layer]]

    def bias(self, layer: str) -> nn.Parameter:
        """[out]"""
        return self._biases[self._index[layer]]

    def groups(self, layer: str) -> int:
        op = self.layers[layer]
        return op.groups if isinstance(op, Conv2d) else len(op.weight)

    def seen_weight(self, layer: str) -> Tensor:
        """What the layer computes with."""
        view = self.weight_views.get(layer)
        return self.weight(layer) if view is None else view(self.weight(layer))

    def norms(self) -> list[tuple[str, nn.BatchNorm2d]]:
        """Layers with a batch norm, and it."""
        return [(name, self._norms[index]) for name, index in self._index.items() if index in self._norms]  # type: ignore[misc]

    @torch.no_grad()
    def normalise(self, x: Tensor) -> None:
        """Puts a batch norm behind every layer but the last, as if it had been folded: on the statistics of the samples x
        it changes nothing. Deep pruned networks train far better with them; `to_graph` folds them again."""
        seen: dict[str, Tensor] = {}
        before, self.value_view = self.value_view, None
        self._forward(x, lambda name, value: seen.setdefault(name, value))
        self.value_view = before
        for name, index in self._index.items():
            if name == self.graph.output:
                continue
            value = seen[name]
            mean, variance = value.mean((0, 2, 3)), value.var((0, 2, 3), unbiased=False)
            norm = nn.BatchNorm2d(value.shape[1])
            norm.running_mean, norm.running_var = mean.clone(), variance.clone()
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.copy_(mean)
            self._norms[index] = norm

    def forward(self, x: Tensor) -> Tensor:
        return self._forward(x, None)

    def _forward(self, x: Tensor, spy: Callable[[str, Tensor], object] | None) -> Tensor:
        values: dict[str, Tensor] = {}
        flat = x.reshape(len(x), -1)
        for position, op in enumerate(self.graph):
            inputs = [values[name] for name in op.inputs]
            if isinstance(op, Quantize | Copy | Fill):
                values[op.output] = self._move(position, op, inputs[0] if inputs else None, flat, values.get(op.output))
            else:
                value = self._compute(op, inputs)
                if spy is not None:
                    spy(op.output, value)
                if self.value_view is not None and clamp_bounds(op.activation) is None:
                    value = self.value_view(preactivation(op.output), value)
                values[op.output] = activate(op.activation, value)
            if self.value_view is not None:
                values[op.output] = self.value_view(op.output, values[op.output])
            for name in op.inputs:
                if self._last_use[name] == position and name != self.graph.output:
                    values.pop(name, None)
        return values[self.graph.output].permute(0, 2, 3, 1).reshape(len(x), -1)

    def _move(
        self, position: int, op: Quantize | Copy | Fill, source: Tensor | None, flat: Tensor, old: Tensor | None
    ) -> Tensor:
        height, width, channels = self.graph.tensors[op.output].shape
        if isinstance(op, Fill):
            return flat.new_zeros(len(flat), channels, height, width)
        if position not in self._places:
            sides = (op.view.source, op.view.destination)
            self._places[position] = tuple(torch.from_numpy(s.indices(op.view.space).ravel()) for s in sides)  # type: ignore[assignment]
        there, here = self._places[position]
        elements = flat if source is None else source.permute(0, 2, 3, 1).reshape(len(flat), -1)
        moved = activate(op.activation, elements[:, there])
        size = height * width * channels
        if len(here) == size and bool((here == torch.arange(size)).all()):
            result = moved
        else:
            base = moved.new_zeros(len(flat), size) if old is None else old.permute(0, 2, 3, 1).reshape(len(flat), -1)
            result = base.index_copy(1, here, moved)
        return result.reshape(len(flat), height, width, channels).permute(0, 3, 1, 2)

    def _compute(self, op: Op, inputs: list[Tensor]) -> Tensor:
        """The op's value before its activation."""
        height, width, _ = self.graph.tensors[op.output].shape
        x = inputs[0]
        match op:
            case Conv2d() | DepthwiseConv2d():
                return self._convolve(op, x, height, width)
            case MaxPool2d(window=window):
                padded = _padded(x, window, height, width, -torch.inf)
                return functional.max_pool2d(padded, window.kernel, window.stride, 0, window.dilation)
            case AveragePool2d(adaptive=True):
                return functional.adaptive_avg_pool2d(x, (height, width))
            case AveragePool2d():
                return _average(op, x, height, width)
            case Add():
                return inputs[0] + op.sign * inputs[1]
            case Multiply():
                return inputs[0] * inputs[1]
        raise TypeError(f"{type(op).__name__} has no float meaning")

    def _convolve(self, op: Convolution, x: Tensor, height: int, width: int) -> Tensor:
        weight, bias = self.seen_weight(op.output), self.bias(op.output)
        if isinstance(op, DepthwiseConv2d):
            weight, groups = weight[..., None], x.shape[1]
        else:
            groups = op.groups
        if groups == 1 and (height, width) == (1, 1) and op.window.kernel == x.shape[2:] and not any(op.window.padding):
            y = functional.linear(x.permute(0, 2, 3, 1).reshape(len(x), -1), weight.reshape(len(weight), -1), bias)
            y = y[:, :, None, None]
        else:
            padded = _padded(x, op.window, height, width, 0.0)
            kernel = weight.permute(0, 3, 1, 2)
            y = functional.conv2d(padded, kernel, bias, op.window.stride, 0, op.window.dilation, groups)
        index = self._index[op.output]
        return self._norms[index](y) if index in self._norms else y

    @torch.no_grad()
    def to_graph(self) -> Graph:
        """The graph with the weights that the network computes with; batch norms folded."""
        changed: dict[int, Op] = {}
        norms = dict(self.norms())
        for name, op in self.layers.items():
            weight, bias = self.seen_weight(name).double(), self.bias(name).double()
            norm = norms.get(name)
            if norm is not None:
                assert norm.running_mean is not None
                assert norm.running_var is not None
                gain = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
                weight = weight * gain.reshape(-1, *[1] * (weight.dim() - 1))
                bias = (bias - norm.running_mean.double()) * gain + norm.bias.double()
            changed[id(op)] = replace(op, weight=weight.float().numpy(), bias=bias.float().numpy())
        return self.graph.with_(ops=tuple(changed.get(id(op), op) for op in self.graph))


def _parameter(array: np.ndarray) -> nn.Parameter:
    return nn.Parameter(torch.tensor(array, dtype=torch.float32))


def _padded(x: Tensor, window: Window, height: int, width: int, fill: float) -> Tensor:
    """x with its borders, such that windows without padding give height x width outputs."""
    (kernel_h, kernel_w), (stride_h, stride_w), (dilation_h, dilation_w) = window.kernel, window.stride, window.dilation
    top, left, _, _ = window.padding
    bottom = (height - 1) * stride_h + (kernel_h - 1) * dilation_h + 1 - top - x.shape[2]
    right = (width - 1) * stride_w + (kernel_w - 1) * dilation_w + 1 - left - x.shape[3]
    if not (top or left or bottom or right):
        return x
    return functional.pad(x, (left, right, top, bottom), value=fill)


def _average(op: AveragePool2d, x: Tensor, height: int, width: int) -> Tensor:
    window, channels = op.window, x.shape[1]
    ones = x.new_ones(channels, 1, *window.kernel)
    sums = functional.conv2d(_padded(x, window, height, width, 0.0), ones, None, window.stride, 0, window.dilation, channels)
    if op.divisor is not None:
        return sums / op.divisor
    counts = taps_inside((x.shape[2], x.shape[3], channels), window, height, width)
    return sums / torch.tensor(counts, dtype=x.dtype)
