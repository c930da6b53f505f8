"""Random float graphs for the planner: chains, residuals, concatenations, paddings. Only shapes matter to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np
from freeml_pack.graph import (
    SUM_BYTES,
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
from hypothesis import strategies as st


def canonical(shape: Shape, offset: int = 0, within: Shape | None = None) -> Strides:
    """A tensor of `shape` inside one of shape `within` (default: itself), from element `offset` on."""
    _, width, channels = within or shape
    return Strides(offset, width * channels, channels, 1)


@dataclass
class Builder:
    """Grows a graph op by op; methods return the name of the tensor they make."""

    shape: Shape
    ops: list[Op] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def tensor(self, shape: Shape) -> str:
        name = f"t{len(self.tensors)}"
        self.tensors[name] = Tensor(name, shape)
        return name

    def shape_of(self, name: str) -> Shape:
        return self.tensors[name].shape

    def name(self) -> str:
        return f"op{len(self.ops)}"

    def quantize(self) -> str:
        out = self.tensor(self.shape)
        view = View(self.shape, canonical(self.shape), canonical(self.shape))
        self.ops.append(Quantize(name=self.name(), inputs=(), output=out, view=view))
        return out

    def conv(
        self,
        x: str,
        channels: int,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        pool: tuple[int, int] = (1, 1),
        read: tuple[int, int] | None = None,
        sums: str | None = None,
        sums_out: bool = False,
    ) -> str:
        """read: input channels, from and to; sums: accumulators to go on from."""
        h, w, c = self.shape_of(x)
        pad = kernel // 2
        height, width = ((extent + 2 * pad - kernel) // stride + 1 for extent in (h, w))
        out = self.tensor((height // pool[0], width // pool[1], channels * (SUM_BYTES if sums_out else 1)))
        begin, end = read or (0, c)
        op = Conv2d(
            name=self.name(),
            inputs=(x, sums) if sums else (x,),
            output=out,
            window=Window((kernel, kernel), (stride, stride), padding=(pad, pad, pad, pad)),
            weight=np.zeros((channels, kernel, kernel, (end - begin) // groups), np.float32),
            bias=np.zeros(channels, np.float32),
            groups=groups,
            channel_range=read,
            pool=pool,
            sums_out=sums_out,
        )
        self.ops.append(op)
        return out

    def conv_in_parts(self, x: str, channels: int) -> str:
        """As many parts as input channels."""
        sums, last = None, self.shape_of(x)[2] - 1
        for channel in range(last):
            sums = self.conv(x, channels, read=(channel, channel + 1), sums=sums, sums_out=True)
        return self.conv(x, channels, read=(last, last + 1), sums=sums)

    def depthwise(self, x: str) -> str:
        channels = self.shape_of(x)[2]
        out = self.tensor(self.shape_of(x))
        weight, bias = np.zeros((channels, 3, 3), np.float32), np.zeros(channels, np.float32)
        window = Window((3, 3), padding=(1, 1, 1, 1))
        self.ops.append(DepthwiseConv2d(name=self.name(), inputs=(x,), output=out, window=window, weight=weight, bias=bias))
        return out

    def max_pool(self, x: str) -> str:
        h, w, c = self.shape_of(x)
        out = self.tensor((max(1, h // 2), max(1, w // 2), c))
        window = Window((min(2, h), min(2, w)), (2, 2))
        self.ops.append(MaxPool2d(name=self.name(), inputs=(x,), output=out, window=window))
        return out

    def global_pool(self, x: str) -> str:
        out = self.tensor((1, 1, self.shape_of(x)[2]))
        self.ops.append(AveragePool2d(name=self.name(), inputs=(x,), output=out, window=Window((1, 1)), adaptive=True))
        return out

    def add(self, a: str, b: str) -> str:
        out = self.tensor(self.shape_of(a))
        self.ops.append(Add(name=self.name(), inputs=(a, b), output=out))
        return out

    def gate(self, x: str) -> str:
        scale = self.conv(self.global_pool(x), self.shape_of(x)[2], kernel=1)
        out = self.tensor(self.shape_of(x))
        self.ops.append(Multiply(name=self.name(), inputs=(x, scale), output=out))
        return out

    def concat(self, parts: list[str]) -> str:
        h, w, _ = self.shape_of(parts[0])
        shape = (h, w, sum(self.shape_of(part)[2] for part in parts))
        out, offset = self.tensor(shape), 0
        for part in parts:
            space = self.shape_of(part)
            view = View(space, canonical(space), canonical(space, offset, within=shape))
            self.ops.append(Copy(name=self.name(), inputs=(part,), output=out, view=view))
            offset += space[2]
        return out

    def pad(self, x: str) -> str:
        h, w, c = space = self.shape_of(x)
        out = self.tensor((h + 2, w + 2, c))
        self.ops.append(Fill(name=self.name(), inputs=(), output=out))
        view = View(space, canonical(space), canonical(space, (w + 3) * c, within=self.shape_of(out)))
        self.ops.append(Copy(name=self.name(), inputs=(x,), output=out, view=view))
        return out

    def graph(self) -> Graph:
        output = self.ops[-1].output
        return Graph("random", Sample(self.shape), tuple(self.ops), self.tensors, output)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    builder = Builder((draw(st.integers(1, 12)), draw(st.integers(1, 12)), draw(st.integers(1, 4))))
    x = builder.quantize()
    kinds = st.sampled_from(
        ["conv", "pointwise", "grouped", "pooled", "parts", "depthwise", "pool", "residual", "concat", "pad", "gate"]
    )
    for kind in draw(st.lists(kinds, min_size=1, max_size=8)):
        x = _grow(builder, x, kind, draw(st.integers(1, 20)))
        if prod(builder.shape_of(x)) > 20_000:
            break
    if draw(st.booleans()):
        builder.conv(builder.global_pool(x), 10, kernel=1)
    return builder.graph()


def _grow(b: Builder, x: str, kind: str, channels: int) -> str:
    match kind:
        case "conv":
            return b.conv(x, channels)
        case "pointwise":
            return b.conv(x, channels, kernel=1)
        case "grouped":
            return b.conv(b.conv(x, 4 * channels, kernel=1), 8 * channels, groups=4)
        case "pooled":
            h, w, _ = b.shape_of(x)
            return b.conv(x, channels, pool=(min(2, h), min(3, w)))
        case "parts":
            return b.conv_in_parts(b.conv(x, min(channels, 4), kernel=1), channels)
        case "depthwise":
            return b.depthwise(x)
        case "pool":
            return b.max_pool(x)
        case "residual":
            same = b.shape_of(x)[2]
            return b.add(b.conv(b.conv(x, channels), same), x)
        case "concat":
            return b.concat([b.conv(x, channels), b.conv(x, channels, kernel=1), x])
        case "pad":
            return b.pad(x)
    return b.gate(x)
