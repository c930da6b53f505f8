"""Collects the operators of a graph while the program is being read."""

from __future__ import annotations

from typing import Any

import numpy as np

from freeml_pack.errors import PackError
from freeml_pack.frontend.to_graph.value import SAMPLE, ZERO, Value, from_layout, to_layout
from freeml_pack.frontend.to_graph.views import find_views
from freeml_pack.graph import Activation, Copy, DepthwiseConv2d, Fill, Op, Quantize, Shape, Strides, Tensor, View, Window

Stats = tuple[np.ndarray, np.ndarray]
"""(mean, deviation), see freeml_pack.graph.Tensor."""


class Builder:
    """Handlers of torch operators call these methods; `layer` and `operator` say which one is at work.

    sample_shape: the user's axis order, without the batch. batch: samples in the program's example input.
    """

    def __init__(self, sample_shape: tuple[int, ...], batch: int) -> None:
        self.sample_shape = sample_shape
        self.batch = batch
        self.ops: list[Op] = []
        self.tensors: dict[str, Tensor] = {}
        self.layer = "input"
        self.operator = ""
        self._buffers: dict[tuple[str, Shape, bytes], str] = {}
        self._names: set[str] = set()

    # --- Emitting

    def error(self, what: str) -> PackError:
        return PackError(f"layer '{self.layer}' ({self.operator}): {what}")

    def emit(self, kind: type[Op], inputs: tuple[str, ...], shape: Shape, stats: Stats | None = None, **fields: Any) -> str:
        """Adds an op with a new output tensor of (height, width, channels) `shape`; returns the tensor's name."""
        name = self._unique(self.layer)
        self.tensors[name] = Tensor(name, self._checked(shape), stats=stats)
        self.ops.append(kind(name=name, inputs=inputs, output=name, **fields))
        return name

    def _unique(self, base: str) -> str:
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base}:{number}"
        self._names.add(name)
        return name

    def _checked(self, shape: Shape) -> Shape:
        if max(shape) > 0xFFFF:
            raise self.error(f"a tensor of {shape[0]} x {shape[1]} x {shape[2]} is too large; at most 65535 along an axis")
        return shape

    # --- Between torch's axes and buffers

    def strip(self, value: Value, rank: int | None = None) -> tuple[np.ndarray, bool]:
        """(index of one sample, whether it had a batch axis). rank: number of axes that the sample must have."""
        index = value.index
        if value.transform:
            raise self.error("softmax in the middle of a network is not supported; only the last layer can be a softmax")
        if rank is not None and index.ndim == rank and self.batch == 1:
            return index, False
        if index.ndim > 0 and index.shape[0] == self.batch and (rank is None or index.ndim == rank + 1):
            if self._is_batch(value):
                return index[0], True
        elif rank is None and self.batch == 1:
            return index, False
        raise self.error(f"the first axis of its input, of shape {index.shape}, is not the batch; keep samples apart")

    def _is_batch(self, value: Value) -> bool:
        first = value.index[0]
        offsets = np.arange(self.batch).reshape((-1,) + (1,) * first.ndim) * self.size(value.tensor)
        return np.array_equal(value.index, np.where(first == ZERO, ZERO, first + offsets))

    def wrap(self, tensor: str, index: np.ndarray, batched: bool) -> Value:
        """The opposite of strip."""
        if not batched:
            return Value(tensor, index)
        offsets = np.arange(self.batch).reshape((-1,) + (1,) * index.ndim) * self.size(tensor)
        return Value(tensor, index[None] + offsets)

    def size(self, tensor: str) -> int:
        return int(np.prod(self.sample_shape)) if tensor == SAMPLE else self.tensors[tensor].size

    def is_whole(self, value: Value) -> bool:
        """Whether every element of a graph tensor occurs in the value exactly once."""
        if value.tensor == SAMPLE or value.index.size != self.batch * self.size(value.tensor):
            return False
        flat = value.index.ravel()
        return bool((flat != ZERO).all() and (np.bincount(flat, minlength=flat.size) == 1).all())

    def buffer(self, tensor: str, layout: np.ndarray) -> str:
        """A tensor that holds the elements `layout` [height, width, channels] of `tensor`: itself, or a copy."""
        shape: Shape = layout.shape
        if tensor != SAMPLE and shape == self.tensors[tensor].shape and np.array_equal(layout.ravel(), np.arange(layout.size)):
            return tensor
        key = (tensor, shape, np.ascontiguousarray(layout).tobytes())
        if key not in self._buffers:
            if tensor == SAMPLE and (layout == ZERO).any():
                source, places = self.read_sample()
                self._buffers[key] = self.buffer(source, np.where(layout == ZERO, ZERO, places[layout]))
            else:
                self._buffers[key] = self.gather([(tensor, layout.ravel(), np.arange(layout.size))], shape)
        return self._buffers[key]

    def read_sample(self) -> tuple[str, np.ndarray]:
        """The whole sample as a tensor, and the place in it of each of the sample's elements."""
        layout = to_layout(np.arange(self.size(SAMPLE)).reshape(self.sample_shape))
        return self.buffer(SAMPLE, layout), from_layout(self.sample_shape).ravel()

    def gather(self, pieces: list[tuple[str, np.ndarray, np.ndarray]], shape: Shape) -> str:
        """A new tensor made of pieces (tensor, elements of it, where they go), by strided copies."""
        reads_sample = any(tensor == SAMPLE for tensor, _, _ in pieces)
        output = self._unique("input" if reads_sample else f"{self.layer}.copy")
        self.tensors[output] = Tensor(output, self._checked(shape))
        if any((source == ZERO).any() for _, source, _ in pieces):
            self.ops.append(Fill(name=self._unique(f"{self.layer}.border"), inputs=(), output=output))
        for tensor, source, destination in pieces:
            inside = source != ZERO
            if inside.any():
                self._copy(tensor, source[inside], destination[inside], output)
        return output

    def _copy(self, tensor: str, source: np.ndarray, destination: np.ndarray, output: str) -> None:
        views = find_views(source, destination)
        if views is None:
            raise self.error("the elements that it takes from its input follow no regular pattern; rearrange with strides only")
        for view in views:
            if tensor == SAMPLE:
                self.ops.append(Quantize(name=self._unique("quantize"), inputs=(), output=output, view=view))
            else:
                self.ops.append(Copy(name=self._unique(f"{self.layer}.copy"), inputs=(tensor,), output=output, view=view))

    def solid(self, value: Value) -> Value:
        """The same value, certain to be all of a graph tensor, in whatever order."""
        if self.is_whole(value) and not value.transform:
            return value
        index, batched = self.strip(value)
        return self.wrap(self.buffer(value.tensor, to_layout(index)), from_layout(index.shape), batched)

    # --- Operators that several handlers need

    def pointwise(self, value: Value, activation: Activation) -> Value:
        value = self.solid(value)
        shape = self.tensors[value.tensor].shape
        strides = Strides(0, shape[1] * shape[2], shape[2], 1)
        output = self.emit(Copy, (value.tensor,), shape, view=View(shape, strides, strides), activation=activation)
        return Value(output, value.index)

    def affine(self, value: Value, scale: np.ndarray, shift: np.ndarray, stats: Stats | None = None) -> Value:
        """value * scale + shift. All constants broadcast to the value's shape as in torch. stats: (mean, deviation) of the
        result, where known."""
        if (
            (scale == 1.0).all()
            and (shift == 0.0).all()
            and np.broadcast_shapes(value.shape, scale.shape, shift.shape) == value.shape
        ):
            return value
        value = self.solid(value)
        constants = self._per_channel(value, scale, shift, *(stats or ()))
        if constants is None:
            index, batched = self.strip(value)
            vector = self.buffer(value.tensor, index.reshape(1, 1, -1))
            value = self.wrap(vector, np.arange(index.size).reshape(index.shape), batched)
            constants = self._per_channel(value, scale, shift, *(stats or ()))
        if constants is None:
            raise self.error("its constant differs between the samples of a batch; export the model with a batch of 1")
        shape = self.tensors[value.tensor].shape
        known = (constants[2], constants[3]) if stats else None
        fields = {"window": Window((1, 1)), "weight": constants[0].reshape(-1, 1, 1), "bias": constants[1]}
        output = self.emit(DepthwiseConv2d, (value.tensor,), shape, known, **fields)
        return Value(output, value.index)

    def _per_channel(self, value: Value, *constants: np.ndarray) -> list[np.ndarray] | None:
        """Constants of the value's shape as float32 [channels] of its tensor, None where they vary within a channel."""
        channels = self.tensors[value.tensor].shape[2]
        result = []
        for constant in constants:
            if np.broadcast_shapes(constant.shape, value.shape) != value.shape:
                raise self.error(f"its constant of shape {constant.shape} is larger than its input of shape {value.shape}")
            ordered = np.empty(value.index.size)
            ordered[value.index] = constant
            rows = ordered.reshape(-1, channels)
            if (rows != rows[0]).any():
                return None
            result.append(rows[0].astype(np.float32))
        return result

    def like(self, value: Value, other: Value) -> np.ndarray:
        """`other`, broadcast to `value` (solid): its elements [height, width, channels] in the order of value's tensor."""
        ordered = np.empty(value.index.size, np.int64)
        ordered[value.index] = np.broadcast_to(other.index, value.shape)
        layout = ordered.reshape(self.batch, *self.tensors[value.tensor].shape)
        self.strip(Value(other.tensor, layout, other.transform), rank=3)
        return layout[0]
