"""Small int8 graphs with random constants, and plans for them: what tests run without a front end, quantizer or planner."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from freeml_pack.encodings import CODED, is_sparse
from freeml_pack.graph import (
    SUM_BYTES,
    Add,
    AveragePool2d,
    Conv2d,
    Copy,
    DepthwiseConv2d,
    Encoding,
    Exit,
    Fill,
    Graph,
    MaxPool2d,
    Multiply,
    Op,
    OpQuant,
    Quant,
    Quantize,
    Requant,
    Sample,
    SampleType,
    Shape,
    Strides,
    Tensor,
    View,
    Window,
)
from freeml_pack.plan import Allocation, MemoryPlan, OpPlan


@dataclass
class Builder:
    """Adds ops to a graph; each method returns the name of the op's output. Requantizations spread random data over int8."""

    rng: np.random.Generator
    ops: list[Op] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    sample: Sample = field(default_factory=lambda: Sample(shape=(1,)))

    def tensor(self, shape: Shape, like: str | None = None) -> str:
        """A new tensor; `like`: one whose scale and zero point it has."""
        name = f"t{len(self.tensors)}"
        quant = self.tensors[like].quant if like else Quant(float(self.rng.uniform(0.01, 0.1)), int(self.rng.integers(-20, 20)))
        self.tensors[name] = Tensor(name, shape, quant)
        return name

    def shape(self, name: str) -> Shape:
        return self.tensors[name].shape

    def _append(self, kind: type[Op], inputs: tuple[str, ...], output: str, q: OpQuant, **attributes: object) -> str:
        self.ops.append(kind(name=f"op{len(self.ops)}", inputs=inputs, output=output, q=q, **attributes))
        return output

    def _requant(self, taps: int, channels: int) -> Requant:
        """So that sums of `taps` products of random int8 have a standard deviation of about 40."""
        multiplier = self.rng.integers(16384, 32768, channels)
        shift = np.clip(np.round(np.log2(5400 * np.sqrt(taps) / 40 * multiplier / 65536)), 1, 31).astype(np.int32)
        return Requant(multiplier.astype(np.int32), np.broadcast_to(shift, (channels,)))

    def _lookup(self) -> np.ndarray:
        return self.rng.permutation(np.arange(-128, 128)).astype(np.int8)

    def quantize(self, shape: tuple[int, int, int], kind: SampleType = SampleType.UINT8, per_channel: bool = False) -> str:
        """A (C, H, W) sample becomes an HWC tensor."""
        channels, height, width = shape
        self.sample = Sample(shape=shape, type=kind)
        output = self.tensor((height, width, channels))
        bits = 8 if kind in (SampleType.UINT8, SampleType.INT8) else 16
        offset = -(1 << (bits - 1)) if kind in (SampleType.UINT8, SampleType.UINT16) else 0
        n = channels if per_channel else 1
        scale = self.rng.integers(3000, 4096, n)
        constants = np.stack([scale, offset * scale, np.full(n, 12 + bits - 8)], axis=1)
        view = View((height, width, channels), Strides(0, width, 1, height * width), Strides(0, width * channels, channels, 1))
        return self._append(Quantize, (), output, OpQuant(quantize=constants), view=view)

    def conv(
        self,
        x: str,
        out: int,
        window: Window,
        groups: int = 1,
        lookup: bool = False,
        encoding: Encoding = Encoding.DENSE_8,
        density: float = 0.2,
        pool: tuple[int, int] = (1, 1),
        channels: tuple[int, int] | None = None,
        sums: str | None = None,
        sums_out: bool = False,
    ) -> str:
        """density: of the weights, where the encoding is sparse; channels: of the input, from and to; sums: accumulators to
        go on from."""
        begin, end = channels or (0, self.shape(x)[2])
        weight = self.rng.integers(-127, 128, (out, *window.kernel, (end - begin) // groups)).astype(np.int8)
        if encoding in CODED:
            weight = weight // 17 * 17
        if is_sparse(encoding):
            weight *= np.repeat(self.rng.random((-(-out // 4), *weight.shape[1:])) < density, 4, axis=0)[:out]
        height, width = window_shape(self.shape(x), window)
        output = self.tensor((height // pool[0], width // pool[1], out * (SUM_BYTES if sums_out else 1)))
        return self._append(
            Conv2d,
            (x, sums) if sums else (x,),
            output,
            self._weighted(weight, lookup),
            window=window,
            groups=groups,
            encoding=encoding,
            weight=weight.astype(np.float32),
            bias=np.zeros(out, np.float32),
            channel_range=channels,
            pool=pool,
            sums_out=sums_out,
        )

    def conv_in_parts(
        self,
        x: str,
        out: int,
        window: Window,
        cuts: tuple[int, ...],
        lookup: bool = False,
        encoding: Encoding = Encoding.DENSE_8,
    ) -> str:
        """A convolution whose sums are made of parts, cut at these input channels; each part with a bias of its own."""
        edges = [0, *cuts, self.shape(x)[2]]
        sums = None
        for begin, end in pairwise(edges[:-1]):
            sums = self.conv(x, out, window, channels=(begin, end), sums=sums, sums_out=True, encoding=encoding)
        return self.conv(x, out, window, lookup=lookup, channels=(edges[-2], edges[-1]), sums=sums, encoding=encoding)

    def linear(self, x: str, out: int, encoding: Encoding = Encoding.DENSE_8, density: float = 0.2) -> str:
        return self.conv(x, out, Window((1, 1)), encoding=encoding, density=density)

    def depthwise(self, x: str, window: Window, multiplier: int = 1) -> str:
        out = self.shape(x)[2] * multiplier
        weight = self.rng.integers(-127, 128, (out, *window.kernel)).astype(np.int8)
        output = self.tensor((*window_shape(self.shape(x), window), out))
        q = self._weighted(weight, lookup=False)
        return self._append(
            DepthwiseConv2d, (x,), output, q, window=window, weight=weight.astype(np.float32), bias=np.zeros(out, np.float32)
        )

    def _weighted(self, weight: np.ndarray, lookup: bool) -> OpQuant:
        out = len(weight)
        return OpQuant(
            activation_min=int(self.rng.integers(-128, 0)),
            lookup=self._lookup() if lookup else None,
            weight=weight,
            weight_scale=np.ones(out),
            bias=self.rng.integers(-5000, 5000, out).astype(np.int32),
            requant=self._requant(weight[0].size, out),
        )

    def max_pool(self, x: str, window: Window) -> str:
        output = self.tensor((*window_shape(self.shape(x), window), self.shape(x)[2]), like=x)
        return self._append(MaxPool2d, (x,), output, OpQuant(), window=window)

    def average_pool(self, x: str, window: Window) -> str:
        output = self.tensor((*window_shape(self.shape(x), window), self.shape(x)[2]), like=x)
        taps = int(np.prod([_most_taps(n, out, window, axis) for axis, (n, out) in enumerate(self._sizes(x, output))]))
        return self._append(AveragePool2d, (x,), output, OpQuant(requant=_averages(taps)), window=window)

    def adaptive_pool(self, x: str, size: tuple[int, int]) -> str:
        output = self.tensor((*size, self.shape(x)[2]), like=x)
        taps = 1
        for n, out in self._sizes(x, output):
            taps *= max(-(-(i + 1) * n // out) - i * n // out for i in range(out))
        return self._append(AveragePool2d, (x,), output, OpQuant(requant=_averages(taps)), window=Window((1, 1)), adaptive=True)

    def _sizes(self, x: str, y: str) -> list[tuple[int, int]]:
        return list(zip(self.shape(x)[:2], self.shape(y)[:2], strict=True))

    def add(self, x: str, y: str) -> str:
        m1, m2 = (int(m) for m in self.rng.integers(-32767, 32768, 2))
        return self._append(Add, (x, y), self.tensor(self.shape(x)), OpQuant(add=(m1, m2, 15)))

    def multiply(self, x: str, y: str) -> str:
        return self._append(Multiply, (x, y), self.tensor(self.shape(x)), OpQuant(requant=self._requant(1, 1)))

    def copy(self, x: str, output: str, view: View, lookup: bool = False) -> str:
        return self._append(Copy, (x,), output, OpQuant(lookup=self._lookup() if lookup else None), view=view)

    def concat(self, *inputs: str) -> str:
        """Along the channels; every second part through a look-up table."""
        height, width, _ = self.shape(inputs[0])
        channels = sum(self.shape(x)[2] for x in inputs)
        output = self.tensor((height, width, channels))
        begin = 0
        for index, x in enumerate(inputs):
            own = self.shape(x)[2]
            view = View((height, width, own), Strides(0, width * own, own, 1), Strides(begin, width * channels, channels, 1))
            self.copy(x, output, view, lookup=index % 2 == 1)
            begin += own
        return output

    def pad(self, x: str, border: int) -> str:
        height, width, channels = self.shape(x)
        row = (width + 2 * border) * channels
        output = self.tensor((height + 2 * border, width + 2 * border, channels), like=x)
        self._append(Fill, (), output, OpQuant())
        inside = Strides(border * row + border * channels, row, channels, 1)
        return self.copy(x, output, View((height, width, channels), Strides(0, width * channels, channels, 1), inside))

    def flatten(self, x: str) -> str:
        """In PyTorch's order: channels, rows, columns."""
        height, width, channels = self.shape(x)
        output = self.tensor((1, 1, height * width * channels), like=x)
        view = View((height, width, channels), Strides(0, width * channels, channels, 1), Strides(0, width, 1, height * width))
        return self.copy(x, output, view)

    def finish(self, output: str) -> Graph:
        return Graph("test", self.sample, tuple(self.ops), dict(self.tensors), output)


def window_shape(shape: Shape, window: Window) -> tuple[int, int]:
    """(height, width) of a window's output."""
    top, left, bottom, right = window.padding
    extent = [(k - 1) * d + 1 for k, d in zip(window.kernel, window.dilation, strict=True)]
    return (
        (shape[0] + top + bottom - extent[0]) // window.stride[0] + 1,
        (shape[1] + left + right - extent[1]) // window.stride[1] + 1,
    )


def _most_taps(size: int, out: int, window: Window, axis: int) -> int:
    begins = [i * window.stride[axis] - window.padding[axis] for i in range(out)]
    return max(min(begin + window.kernel[axis], size) - max(begin, 0) for begin in begins)


def _averages(taps: int) -> Requant:
    """Real multipliers 1/1 .. 1/taps: m / 2^(16 + s - 10), with the sum shifted left by 10."""
    counts = np.arange(1, taps + 1)
    shift = 8 + np.floor(np.log2(counts)).astype(np.int32)
    return Requant(np.minimum(np.round(2.0 ** (shift + 6) / counts), 32767).astype(np.int32), shift, left_shift=10)


def chain(seed: int = 0) -> Graph:
    """Convolution, pooling, flatten, two linear layers, as in LeNet; about 2 KB of weights."""
    b = Builder(np.random.default_rng(seed))
    x = b.quantize((1, 10, 10))
    x = b.conv(x, 6, Window((3, 3), padding=(1, 1, 1, 1)), lookup=True)
    x = b.max_pool(x, Window((2, 2), (2, 2)))
    x = b.flatten(x)
    x = b.linear(x, 13)
    return b.finish(b.linear(x, 5))


def every_kind(seed: int = 0) -> Graph:
    """Every operator, groups, dilation, padding, branches, a concatenation, an explicit border, 16-bit samples."""
    b = Builder(np.random.default_rng(seed))
    x = b.quantize((4, 9, 7), SampleType.INT16, per_channel=True)
    a = b.conv(x, 8, Window((3, 2), (1, 1), (2, 1), (2, 0, 2, 1)), groups=2)
    c = b.depthwise(x, Window((3, 3), padding=(1, 1, 1, 1)), multiplier=2)
    y = b.add(a, c)
    y = b.multiply(y, b.adaptive_pool(y, (1, 1)))
    y = b.concat(y, b.average_pool(a, Window((3, 3), padding=(1, 1, 1, 1))), c)
    y = b.max_pool(b.pad(y, 1), Window((3, 3), (2, 2)))
    y = b.adaptive_pool(y, (2, 3))
    return b.finish(b.linear(b.flatten(y), 11))


def encoded(seed: int = 0) -> Graph:
    """Every encoding of weights, in convolutions and linear layers; gaps that no distance reaches over."""
    b = Builder(np.random.default_rng(seed))
    x = b.quantize((2, 7, 6))
    for encoding in Encoding:
        x = b.conv(x, 6, Window((3, 3), padding=(1, 1, 1, 1)), lookup=encoding == Encoding.SPARSE_4, encoding=encoding)
    x = b.flatten(x)
    for encoding in Encoding:
        x = b.linear(x, 270 if encoding < Encoding.BLOCK_SPARSE_4 else 7, encoding, density=0.02)
    return b.finish(x)


def in_parts(seed: int = 0) -> Graph:
    """Pooling on the way out, with borders, groups and pools of odd size; a convolution's sums in three parts, a linear layer's
    in two."""
    b = Builder(np.random.default_rng(seed))
    x = b.quantize((4, 9, 13))
    x = b.conv(x, 6, Window((3, 3), padding=(1, 1, 1, 1)), groups=2, pool=(2, 3))
    x = b.conv_in_parts(x, 5, Window((3, 2), padding=(1, 1, 1, 0)), (1, 4), lookup=True)
    x = b.conv(x, 9, Window((2, 1)), pool=(3, 2), encoding=Encoding.BLOCK_SPARSE_4)
    x = b.flatten(x)
    return b.finish(b.conv_in_parts(x, 7, Window((1, 1)), (10,), encoding=Encoding.SPARSE_8))


def with_exits(seed: int = 0) -> Graph:
    """Three exits of one shared head: sums from one exit to the next, each exit's scores from the sums so far."""
    b = Builder(np.random.default_rng(seed))
    x, sums, exits = b.quantize((2, 8, 9)), None, []
    for number in range(3):
        x = b.conv(x, 6, Window((3, 3), padding=(1, 1, 1, 1)), lookup=number == 1)
        seen = b.flatten(b.adaptive_pool(x, (2, 2)))
        sums = b.conv(seen, 5, Window((1, 1)), sums=sums, sums_out=True)
        exits.append(Exit(b.conv(seen, 5, Window((1, 1)), channels=(0, 1), sums=sums), 20 * number, 1.5))
    return b.finish(b.linear(b.flatten(b.max_pool(x, Window((2, 2), (2, 2)))), 5)).with_(exits=tuple(exits))


def space(graph: Graph, op: Op) -> Shape:
    """An operator's iteration space."""
    if isinstance(op, Quantize | Copy):
        return op.view.space
    height, width, channels = graph.tensors[op.output].shape
    return height, width, channels // SUM_BYTES if isinstance(op, Conv2d) and op.sums_out else channels


def random_tile(graph: Graph, op: Op, rng: np.random.Generator) -> Shape:
    """Any legal tile."""
    rows, columns, channels = (int(rng.integers(1, n + 1)) for n in space(graph, op))
    whole = space(graph, op)[2]
    if isinstance(op, Conv2d):
        unit = 4 if op.groups == 1 else whole // op.groups
        channels = min(-(-channels // unit) * unit, whole)
    return rows, columns, channels


def random_op_plan(graph: Graph, op: Op, rng: np.random.Generator) -> OpPlan:
    """Any tile; an op that commits inside commits at its end, too."""
    commit_every = int(rng.integers(0, 4))
    return OpPlan(random_tile(graph, op, rng), commit_every, commit_every > 0 or bool(rng.integers(0, 2)))


def lifetimes(graph: Graph) -> dict[str, tuple[int, int]]:
    """First and last operator that touches each tensor; the output and the exits' scores live to the end."""
    touched: dict[str, list[int]] = {}
    for index, op in enumerate(graph.ops):
        for name in (*op.inputs, op.output):
            touched.setdefault(name, []).append(index)
    for name in (graph.output, *(exit.tensor for exit in graph.exits)):
        touched[name].append(len(graph.ops))
    return {name: (min(ops), max(ops)) for name, ops in touched.items()}


def roomy_plan(graph: Graph, rng: np.random.Generator | None = None) -> MemoryPlan:
    """Every tensor has its own place, so that any commits do: without rng one tile per op and no commits, else random ones."""
    place = graph.sample.size
    tensors = {}
    for name, (first, last) in lifetimes(graph).items():
        size = graph.tensors[name].size
        tensors[name] = Allocation("arena", place, size, first, last)
        place += size
    sample = Allocation("arena", 0, graph.sample.size, -1, _last_quantize(graph))
    ops = tuple(OpPlan(space(graph, op), 0, False) if rng is None else random_op_plan(graph, op, rng) for op in graph.ops)
    return MemoryPlan(tensors, sample, place, ops)


def tight_plan(graph: Graph, rng: np.random.Generator | None = None) -> MemoryPlan:
    """First fit, dead tensors' places used again; therefore a commit after every op."""
    placed = [Allocation("arena", 0, graph.sample.size, -1, _last_quantize(graph))]
    tensors = {}
    for name, (first, last) in lifetimes(graph).items():
        size = graph.tensors[name].size
        alive = [a for a in placed if a.first_op <= last and first <= a.last_op]
        candidates = sorted([0, *(a.offset + a.size for a in alive)])
        offset = next(o for o in candidates if all(o + size <= a.offset or a.offset + a.size <= o for a in alive))
        tensors[name] = Allocation("arena", offset, size, first, last)
        placed.append(tensors[name])
    arena = max(a.offset + a.size for a in placed)
    plan = roomy_plan(graph, rng)
    return MemoryPlan(tensors, placed[0], arena, tuple(replace(op, commit_last=True) for op in plan.ops))


def _last_quantize(graph: Graph) -> int:
    return max(index for index, op in enumerate(graph.ops) if isinstance(op, Quantize))


def random_sample(graph: Graph, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, graph.sample.size, np.uint8).tobytes()
