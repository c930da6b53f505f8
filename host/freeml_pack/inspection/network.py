"""A verified blob as Python objects: tensors, operators, and what its plan means step by step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from freeml_schema import model as fbs

from freeml_pack.blob import KINDS, NO_INDEX, open_metadata
from freeml_pack.graph import SUM_BYTES, Encoding, Op, OutputTransform, SampleType, Shape, Strides, View
from freeml_pack.op_names import op_name
from freeml_pack.plan import Allocation, OpPlan, commit_count, tile_count

KIND_NAMES = {number: name for name, number in vars(fbs.OpKind).items() if not name.startswith("_")}
_KIND_TYPES: dict[int, type[Op]] = {number: kind for kind, number in KINDS.items()}
_WEIGHTED = (fbs.OpKind.CONV_2D, fbs.OpKind.DEPTHWISE_CONV_2D)
_WINDOWED = (*_WEIGHTED, fbs.OpKind.MAX_POOL_2D, fbs.OpKind.AVERAGE_POOL_2D)


@dataclass(frozen=True)
class NetworkTensor:
    """place: bytes of the arena and operators during which they are in use."""

    shape: Shape
    scale: float
    zero_point: int
    place: Allocation


@dataclass(frozen=True)
class NetworkWindow:
    """Pairs are (height, width); padding is at the top and at the left; channels: the input channels [begin, end) that a
    convolution reads; pool: pixels of which the largest is the output."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int]
    groups: int
    channels: tuple[int, int]
    pool: tuple[int, int]


@dataclass(frozen=True)
class NetworkOp:
    kind: str  # as in schema/model.fbs
    name: str  # for people
    inputs: tuple[int, ...]  # tensors
    output: int  # tensor
    space: Shape  # iteration space
    window: NetworkWindow | None
    adaptive: bool  # AVERAGE_POOL_2D
    view: View | None  # QUANTIZE, COPY
    activation: tuple[int, int]  # clamp, lowest and highest
    lookup: bool
    encoding: Encoding  # of the weights
    sums_in: bool  # goes on from accumulators
    sums_out: bool  # the output are accumulators
    plan: OpPlan
    steps: int
    commits: int
    constant_bytes: int
    element_macs: int  # multiply-accumulates for one element of the iteration space

    @property
    def macs(self) -> int:
        return prod(self.space) * self.element_macs

    def step_macs(self) -> np.ndarray:
        """int64 [steps]: multiply-accumulates of each step."""
        extents = []
        for extent, tile in zip(self.space, self.plan.tile, strict=True):
            begins = np.arange(0, extent, tile, dtype=np.int64)
            extents.append(np.minimum(begins + tile, extent) - begins)
        rows, columns, channels = extents
        elements = channels[:, None, None] * columns[:, None] * rows  # rows vary fastest
        return elements.reshape(-1) * self.element_macs

    def step_commits(self) -> np.ndarray:
        """bool [steps]: whether a commit follows."""
        numbers = np.arange(1, self.steps + 1)
        every = self.plan.commit_every
        follows = numbers % every == 0 if every else np.zeros(self.steps, bool)
        follows[-1] |= self.plan.commit_last
        return follows


@dataclass(frozen=True)
class NetworkExit:
    """threshold, temperature: see `freeml_pack.graph.Exit`."""

    op: int
    tensor: int
    threshold: int
    temperature: float


@dataclass(frozen=True)
class Interval:
    """The steps between two commits, both ends included."""

    first_step: int
    last_step: int
    first_op: int
    last_op: int
    macs: int


@dataclass(frozen=True)
class Network:
    name: str
    target: str
    version: int
    model_id: int
    sample_type: SampleType
    sample_shape: tuple[int, ...]
    sample: Allocation
    output: int  # tensor
    output_transform: OutputTransform
    arena_size: int  # bytes
    tensors: tuple[NetworkTensor, ...]
    ops: tuple[NetworkOp, ...]
    exits: tuple[NetworkExit, ...]

    @property
    def steps(self) -> int:
        return sum(op.steps for op in self.ops)

    @property
    def commits(self) -> int:
        return sum(op.commits for op in self.ops)

    @property
    def macs(self) -> int:
        return sum(op.macs for op in self.ops)

    @cached_property
    def first_steps(self) -> np.ndarray:
        """int64 [ops + 1]: number of each operator's first step, and of the step after the last."""
        return np.cumsum([0, *(op.steps for op in self.ops)])

    @cached_property
    def _ends(self) -> np.ndarray:
        """int64: the steps that a commit follows."""
        return np.flatnonzero(np.concatenate([op.step_commits() for op in self.ops]))

    @cached_property
    def _macs_before(self) -> np.ndarray:
        """int64 [steps + 1]: multiply-accumulates of all steps before each."""
        return np.concatenate([[0], np.cumsum(np.concatenate([op.step_macs() for op in self.ops]))])

    def interval(self, step: int) -> Interval:
        """From this step, which a commit has just made the next one, to the one that the next commit follows."""
        last = int(self._ends[np.searchsorted(self._ends, step)])
        first_op, last_op = (int(op) for op in np.searchsorted(self.first_steps, (step, last), side="right") - 1)
        return Interval(step, last, first_op, last_op, int(self._macs_before[last + 1] - self._macs_before[step]))

    def dearest_interval(self) -> Interval:
        """The one with most multiply-accumulates."""
        starts = np.concatenate([[0], self._ends[:-1] + 1])
        costs = self._macs_before[self._ends + 1] - self._macs_before[starts]
        return self.interval(int(starts[np.argmax(costs)]))


def read_network(blob: bytes) -> Network:
    """What a blob says; the core has accepted its metadata (its weights may be damaged)."""
    model = open_metadata(blob)
    rows = [model.Ops(index) for index in range(model.OpsLength())]
    shapes = [_shape(model.Tensors(index)) for index in range(model.TensorsLength())]
    exits = tuple(_exit(model.Exits(index)) for index in range(model.ExitsLength()))
    lives = _lifetimes(rows, len(shapes), (model.Output(), *(exit.tensor for exit in exits)))
    sample_end = max((index for index, row in enumerate(rows) if row.Kind() == fbs.OpKind.QUANTIZE), default=-1)
    return Network(
        name=_text(model.Name()),
        target=_text(model.Target()),
        version=model.Version(),
        model_id=int.from_bytes(blob[16:20], "little"),
        sample_type=SampleType(model.SampleType()),
        sample_shape=tuple(int(model.SampleShape(index)) for index in range(model.SampleShapeLength())),
        sample=Allocation("arena", model.SampleOffset(), model.SampleSize(), -1, sample_end),
        output=model.Output(),
        output_transform=OutputTransform(model.OutputTransform()),
        arena_size=model.ArenaSize(),
        tensors=tuple(_tensor(model.Tensors(index), shapes[index], *lives[index]) for index in range(len(shapes))),
        ops=tuple(_op(model, row, shapes, is_last=index == len(rows) - 1) for index, row in enumerate(rows)),
        exits=exits,
    )


def _exit(row: Any) -> NetworkExit:
    return NetworkExit(row.Op(), row.Tensor(), row.Threshold(), row.Temperature())


def _text(value: bytes | None) -> str:
    """What a terminal can show, whatever stands there."""
    return "".join(char if char.isprintable() else "?" for char in (value or b"").decode(errors="replace"))


def _shape(row: Any) -> Shape:
    return row.Height(), row.Width(), row.Channels()


def _tensor(row: Any, shape: Shape, first_op: int, last_op: int) -> NetworkTensor:
    return NetworkTensor(shape, row.Scale(), row.ZeroPoint(), Allocation("arena", row.Offset(), prod(shape), first_op, last_op))


def _inputs(row: Any) -> tuple[int, ...]:
    return tuple(index for index in (row.Input(), row.Input2()) if index != NO_INDEX)


def _lifetimes(rows: list[Any], count: int, scores: tuple[int, ...]) -> list[tuple[int, int]]:
    """First and last operator that touches each tensor; scores live to the end. (0, -1): never touched."""
    touched: list[list[int]] = [[] for _ in range(count)]
    for index, row in enumerate(rows):
        for tensor in (*_inputs(row), row.Output()):
            touched[tensor].append(index)
    for tensor in scores:
        touched[tensor].append(len(rows) - 1)
    return [(ops[0], ops[-1]) if ops else (0, -1) for ops in touched]


def _op(model: Any, row: Any, shapes: list[Shape], *, is_last: bool) -> NetworkOp:
    kind, flags, inputs = row.Kind(), row.Flags(), _inputs(row)
    window = _window(model.Windows(row.Attribute())) if kind in _WINDOWED else None
    view = _view(model.Views(row.Attribute())) if kind in (fbs.OpKind.QUANTIZE, fbs.OpKind.COPY) else None
    space = view.space if view else shapes[row.Output()]
    sums_in, sums_out = bool(flags & fbs.OpFlag.SUMS_IN), bool(flags & fbs.OpFlag.SUMS_OUT)
    if sums_out:
        space = (*space[:2], space[2] // SUM_BYTES)
    tile = (row.TileRows(), row.TileColumns(), row.TileChannels())
    plan = OpPlan(tile, row.CommitEvery(), bool(flags & fbs.OpFlag.COMMIT_LAST) or is_last)
    steps = tile_count(space, tile)
    adaptive, lookup = bool(flags & fbs.OpFlag.ADAPTIVE), bool(flags & fbs.OpFlag.HAS_LOOKUP)
    input_size = shapes[inputs[0]][:2] if inputs else (0, 0)
    name = op_name(_KIND_TYPES[kind], window.kernel if window else None, input_size, adaptive=adaptive)
    clamped = (row.ActivationMin(), row.ActivationMax()) != (-128, 127)
    return NetworkOp(
        kind=KIND_NAMES[kind],
        name=name + _suffix(window, sums_in, sums_out) + " + clamp" * clamped + " + table" * lookup,
        inputs=inputs,
        output=row.Output(),
        space=space,
        window=window,
        adaptive=adaptive,
        view=view,
        activation=(row.ActivationMin(), row.ActivationMax()),
        lookup=lookup,
        encoding=Encoding(row.Encoding()),
        sums_in=sums_in,
        sums_out=sums_out,
        plan=plan,
        steps=steps,
        commits=commit_count(steps, plan),
        constant_bytes=row.ParamsSize(),
        element_macs=_element_macs(kind, window) if window else 0,
    )


def _window(row: Any) -> NetworkWindow:
    return NetworkWindow(
        kernel=(row.KernelHeight(), row.KernelWidth()),
        stride=(row.StrideHeight(), row.StrideWidth()),
        dilation=(row.DilationHeight(), row.DilationWidth()),
        padding=(row.PadTop(), row.PadLeft()),
        groups=row.Groups(),
        channels=(row.FirstChannel(), row.FirstChannel() + row.Channels()),
        pool=(row.PoolHeight(), row.PoolWidth()),
    )


def _suffix(window: NetworkWindow | None, sums_in: bool, sums_out: bool) -> str:
    """What a convolution does besides."""
    pool = " + max pool {}x{}".format(*window.pool) if window and window.pool != (1, 1) else ""
    return pool + " + sums in" * sums_in + " + sums out" * sums_out


def _view(row: Any) -> View:
    source = Strides(row.SourceOffset(), row.SourceRow(), row.SourceColumn(), row.SourceDepth())
    destination = Strides(row.DestinationOffset(), row.DestinationRow(), row.DestinationColumn(), row.DestinationDepth())
    return View((row.Rows(), row.Columns(), row.Depth()), source, destination)


def _element_macs(kind: int, window: NetworkWindow) -> int:
    if kind not in _WEIGHTED:
        return 0
    begin, end = window.channels
    channels = (end - begin) // window.groups if kind == fbs.OpKind.CONV_2D else 1
    return prod(window.kernel) * prod(window.pool) * channels
