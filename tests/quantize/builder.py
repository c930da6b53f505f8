"""Builds float graphs by hand, op after op, without torch."""

from __future__ import annotations

import numpy as np
from freeml_pack.graph import (
    Activation,
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
    Sample,
    Shape,
    Strides,
    Tensor,
    View,
    Window,
)


def dense(shape: Shape) -> Strides:
    return Strides(0, shape[1] * shape[2], shape[2], 1)


class Builder:
    """Each method appends an op and returns the name of its output tensor. The sample is in (C, H, W) order."""

    def __init__(self, height: int, width: int, channels: int) -> None:
        self.shapes: dict[str, Shape] = {}
        self.ops: list[Op] = []
        self.sample_shape = (channels, height, width)
        shape = (height, width, channels)
        source = Strides(0, width, 1, height * width)
        self.input = self._add(Quantize(name="input", inputs=(), output="t0", view=View(shape, source, dense(shape))), shape)

    def _add(self, op: Op, shape: Shape) -> str:
        self.ops.append(op)
        self.shapes[op.output] = shape
        return op.output

    def _names(self, kind: str) -> dict[str, str]:
        return {"name": f"{kind}{len(self.ops)}", "output": f"t{len(self.ops)}"}

    def _out(self, x: str, window: Window) -> tuple[int, int]:
        sizes = []
        for axis in range(2):
            extent = (window.kernel[axis] - 1) * window.dilation[axis] + 1
            padded = self.shapes[x][axis] + window.padding[axis] + window.padding[axis + 2]
            sizes.append((padded - extent) // window.stride[axis] + 1)
        return sizes[0], sizes[1]

    def conv(
        self, x: str, weight: np.ndarray, bias: np.ndarray, window: Window, act: Activation | None = None, groups: int = 1
    ) -> str:
        """weight: [out, kernel_h, kernel_w, in / groups]"""
        op = Conv2d(**self._names("conv"), inputs=(x,), activation=act, window=window, weight=weight, bias=bias, groups=groups)
        return self._add(op, (*self._out(x, window), len(weight)))

    def depthwise(self, x: str, weight: np.ndarray, bias: np.ndarray, window: Window, act: Activation | None = None) -> str:
        """weight: [out, kernel_h, kernel_w]"""
        op = DepthwiseConv2d(**self._names("depthwise"), inputs=(x,), activation=act, window=window, weight=weight, bias=bias)
        return self._add(op, (*self._out(x, window), len(weight)))

    def linear(self, x: str, weight: np.ndarray, bias: np.ndarray, act: Activation | None = None) -> str:
        """weight: [out, in], in the order of x's buffer; a whole tensor is one window."""
        kernel = self.shapes[x][:2]
        shaped = weight.reshape(len(weight), *self.shapes[x])
        return self.conv(x, shaped, bias, Window(kernel), act)

    def max_pool(self, x: str, window: Window, act: Activation | None = None) -> str:
        op = MaxPool2d(**self._names("max_pool"), inputs=(x,), activation=act, window=window)
        return self._add(op, (*self._out(x, window), self.shapes[x][2]))

    def average_pool(
        self,
        x: str,
        window: Window,
        divisor: int | None = None,
        act: Activation | None = None,
        adaptive: tuple[int, int] | None = None,
    ) -> str:
        op = AveragePool2d(
            **self._names("average_pool"), inputs=(x,), activation=act, window=window, divisor=divisor, adaptive=bool(adaptive)
        )
        return self._add(op, (*(adaptive or self._out(x, window)), self.shapes[x][2]))

    def add(self, x: str, y: str, act: Activation | None = None, sign: int = 1) -> str:
        return self._add(Add(**self._names("add"), inputs=(x, y), activation=act, sign=sign), self.shapes[x])

    def multiply(self, x: str, y: str, act: Activation | None = None) -> str:
        return self._add(Multiply(**self._names("multiply"), inputs=(x, y), activation=act), self.shapes[x])

    def concat(self, parts: list[str], act: Activation | None = None) -> str:
        """Along the channels."""
        height, width, _ = self.shapes[parts[0]]
        channels = sum(self.shapes[part][2] for part in parts)
        output, begin = f"t{len(self.ops)}", 0
        for part in parts:
            depth = self.shapes[part][2]
            destination = Strides(begin, width * channels, channels, 1)
            view = View(self.shapes[part], dense(self.shapes[part]), destination)
            op = Copy(name=f"concat{len(self.ops)}", inputs=(part,), output=output, activation=act, view=view)
            self._add(op, (height, width, channels))
            begin += depth
        return output

    def shortcut(self, x: str, channels: int) -> str:
        """Every second row and column, zero channels on both sides (the option-A shortcut of CIFAR ResNets)."""
        height, width, depth = self.shapes[x]
        shape = (-(-height // 2), -(-width // 2), channels)
        names = self._names("shortcut")
        self._add(Fill(name=f"fill{len(self.ops)}", inputs=(), output=names["output"]), shape)
        source = Strides(0, 2 * width * depth, 2 * depth, 1)
        destination = Strides((channels - depth) // 2, shape[1] * channels, channels, 1)
        return self._add(Copy(**names, inputs=(x,), view=View((*shape[:2], depth), source, destination)), shape)

    def graph(self, output: str, stats: dict[str, tuple[np.ndarray, np.ndarray]] | None = None) -> Graph:
        tensors = {name: Tensor(name, shape, stats=(stats or {}).get(name)) for name, shape in self.shapes.items()}
        return Graph("built", Sample(self.sample_shape), tuple(self.ops), tensors, output)
