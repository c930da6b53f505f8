"""Writes the blob: an int8 graph and its memory plan become bytes (schema/SPEC.md, schema/model.fbs)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import numpy as np
from freeml_schema import model as fbs

from freeml_pack.errors import PackError
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
    View,
    Window,
)
from freeml_pack.pack_params import left_shift, pack_params
from freeml_pack.plan import MemoryPlan, OpPlan

VERSION = 1  # FML_FORMAT_VERSION of freeml.h
HEADER_SIZE = 20
TAPS_MAX = 0x1FFFF  # FML_TAPS_MAX of native/src/op.h
NO_INDEX = 0xFFFF

KINDS: dict[type[Op], int] = {
    Quantize: fbs.OpKind.QUANTIZE,
    Conv2d: fbs.OpKind.CONV_2D,
    DepthwiseConv2d: fbs.OpKind.DEPTHWISE_CONV_2D,
    MaxPool2d: fbs.OpKind.MAX_POOL_2D,
    AveragePool2d: fbs.OpKind.AVERAGE_POOL_2D,
    Add: fbs.OpKind.ADD,
    Multiply: fbs.OpKind.MULTIPLY,
    Copy: fbs.OpKind.COPY,
    Fill: fbs.OpKind.FILL,
}


def write_blob(graph: Graph, plan: MemoryPlan, target: str = "") -> bytes:
    """The blob of an int8 graph (Tensor.quant and Op.q set). The same graph and plan give the same bytes.

    target: what it is packed for, for people to read. PackError where the model is too large for the format.
    """
    writer = _Writer(graph, plan)
    for op, op_plan in zip(graph.ops, plan.ops, strict=True):
        writer.add_op(op, op_plan)
    weights = bytes(writer.weights)
    metadata = _metadata(writer, graph, plan, len(weights), zlib.crc32(weights), target)
    return metadata + weights


def section_sizes(blob: bytes) -> dict[str, int]:
    """Bytes of the blob's parts: header, metadata (without the header), weights."""
    metadata_size, file_size = struct.unpack_from("<II", blob, 8)
    return {"header": HEADER_SIZE, "metadata": metadata_size - HEADER_SIZE, "weights": file_size - metadata_size}


def open_metadata(blob: bytes) -> Any:
    """The `Model` table of a blob (freeml_schema.model.Model). Checks nothing: opening an Engine does."""
    return fbs.Model.GetRootAs(blob)


class _Writer:
    """Rows of the blob's vectors, collected operator by operator; equal windows, views and constants are shared."""

    def __init__(self, graph: Graph, plan: MemoryPlan) -> None:
        self._graph = graph
        self._plan = plan
        self.tensors: dict[str, int] = {}
        self.windows: dict[tuple[int, ...], int] = {}
        self.views: dict[tuple[int, ...], int] = {}
        self.ops: list[tuple[int, ...]] = []
        self.weights = bytearray()
        self._places: dict[bytes, int] = {}

    def add_op(self, op: Op, plan: OpPlan) -> None:
        q = op.q
        if q is None:
            raise ValueError(f"{op.name} is not quantized")
        if isinstance(op, Conv2d | DepthwiseConv2d) and q.weight is not None and q.weight[0].size > TAPS_MAX:
            raise PackError(
                f"Layer {op.name} sums {q.weight[0].size:,} products for each output, the core at most {TAPS_MAX:,}: "
                "put a pooling layer in front of it."
            )
        inputs = [self._tensor(name) for name in op.inputs] + [NO_INDEX, NO_INDEX]
        output = self._tensor(op.output)
        params = pack_params(op, plan.tile[2])
        params_offset = self._stored(params) if params else 0
        flags = fbs.OpFlag.COMMIT_LAST * plan.commit_last
        lookup = 0
        if q.lookup is not None:
            flags |= fbs.OpFlag.HAS_LOOKUP
            lookup = self._stored(q.lookup.astype(np.int8).tobytes())
        if isinstance(op, AveragePool2d) and op.adaptive:
            flags |= fbs.OpFlag.ADAPTIVE
        if isinstance(op, Conv2d):
            flags |= fbs.OpFlag.SUMS_OUT * op.sums_out | fbs.OpFlag.SUMS_IN * op.sums_in
        row = (KINDS[type(op)], flags, *inputs[:2], output, self._attribute(op), *plan.tile, plan.commit_every)
        constants = (
            q.activation_min,
            q.activation_max,
            left_shift(q.requant),
            int(op.encoding) if isinstance(op, Conv2d) else 0,
            0,
            params_offset,
            len(params),
            lookup,
        )
        self.ops.append(row + constants)

    def _tensor(self, name: str) -> int:
        return self.tensors.setdefault(name, len(self.tensors))

    def _stored(self, constants: bytes) -> int:
        """Where constants stand in the section: at even places, so that 16-bit cores copy words. Equal ones, as of a layer's
        bands or of look-up tables, stand once."""
        if constants not in self._places:
            self.weights += bytes(len(self.weights) % 2)
            self._places[constants] = len(self.weights)
            self.weights += constants
        return self._places[constants]

    def _attribute(self, op: Op) -> int:
        match op:
            case Quantize() | Copy():
                return self.views.setdefault(_view_row(op.view), len(self.views))
            case Conv2d():
                begin, end = op.channel_range or (0, self._channels(op))
                row = _window_row(op.window, op.groups, (begin, end - begin), op.pool)
            case DepthwiseConv2d():
                row = _window_row(op.window, self._channels(op))
            case AveragePool2d(adaptive=True):
                row = _window_row(Window((1, 1)), 1)
            case MaxPool2d() | AveragePool2d():
                row = _window_row(op.window, 1)
            case _:
                return NO_INDEX
        return self.windows.setdefault(row, len(self.windows))

    def _channels(self, op: Op) -> int:
        return self._graph.tensors[op.inputs[0]].shape[2]

    def exit_rows(self) -> list[tuple[int | float, ...]]:
        exits = self._graph.exits
        return [(self._graph.last_write(e.tensor), self.tensors[e.tensor], e.threshold, 0, 0, e.temperature) for e in exits]

    def tensor_rows(self) -> list[tuple[int | float, ...]]:
        rows: list[tuple[int | float, ...]] = []
        for name in self.tensors:
            tensor = self._graph.tensors[name]
            if tensor.quant is None:
                raise ValueError(f"tensor {name} is not quantized")
            place = self._plan.tensors[name]
            rows.append((place.offset, *tensor.shape, tensor.quant.zero_point, 0, tensor.quant.scale))
        return rows


def _window_row(
    window: Window, groups: int, channels: tuple[int, int] = (0, 0), pool: tuple[int, int] = (1, 1)
) -> tuple[int, ...]:
    """channels: the first one and how many."""
    return (*window.kernel, *window.stride, *window.dilation, *window.padding[:2], groups, *channels, *pool)


def _view_row(view: View) -> tuple[int, ...]:
    sides = [(side.offset, side.row, side.column, side.depth) for side in (view.source, view.destination)]
    return (*view.space, 0, *sides[0], *sides[1])


def _struct_vector(
    builder: flatbuffers.Builder, rows: Sequence[tuple[Any, ...]], start: Callable[..., Any], create: Callable[..., Any]
) -> int:
    if len(rows) >= NO_INDEX:
        raise PackError(
            f"The model has {len(rows)} operators or tensors; the format holds {NO_INDEX - 1}: use a smaller model."
        )
    start(builder, len(rows))
    for row in reversed(rows):
        try:
            create(builder, *row)
        except (TypeError, struct.error) as error:  # flatbuffers' range check
            raise PackError(
                f"A number of the model does not fit its field of the blob ({error}): use a smaller layer."
            ) from error
    return int(builder.EndVector())


def _metadata(writer: _Writer, graph: Graph, plan: MemoryPlan, weights_size: int, weights_crc: int, target: str) -> bytes:
    """The header and the FlatBuffer: all bytes in front of the sections."""
    if graph.sample.type is None:
        raise ValueError("the sample is not quantized")
    builder = flatbuffers.Builder(4096)
    offsets = {
        "Name": builder.CreateString(graph.name),
        "Target": builder.CreateString(target),
        "SampleShape": builder.CreateNumpyVector(np.array(graph.sample.shape, "<u2")),
        "InputScale": builder.CreateNumpyVector(np.array(graph.sample.input_scale, "<f4")),
        "InputOffset": builder.CreateNumpyVector(np.array(graph.sample.input_offset, "<f4")),
        "Views": _struct_vector(builder, list(writer.views), fbs.ModelStartViewsVector, fbs.CreateView),
        "Windows": _struct_vector(builder, list(writer.windows), fbs.ModelStartWindowsVector, fbs.CreateWindow),
        "Ops": _struct_vector(builder, writer.ops, fbs.ModelStartOpsVector, fbs.CreateOp),
        "Tensors": _struct_vector(builder, writer.tensor_rows(), fbs.ModelStartTensorsVector, fbs.CreateTensor),
    }
    section = (0, weights_size, weights_crc, fbs.SectionKind.WEIGHTS, 0, 0)  # the offset is known when all is written
    offsets["Sections"] = _struct_vector(builder, [section], fbs.ModelStartSectionsVector, fbs.CreateSection)
    if graph.exits:
        offsets["Exits"] = _struct_vector(builder, writer.exit_rows(), fbs.ModelStartExitsVector, fbs.CreateExit)
    assert graph.sample.type is not None, "the graph is not quantized"
    scalars = {
        "Version": VERSION,
        "WeightLayout": fbs.WeightLayout.BLOCK_4,
        "SampleType": int(graph.sample.type),
        "OutputTransform": int(graph.output_transform),
        "Output": writer.tensors[graph.output],
        "ArenaSize": plan.arena_size,
        "SampleOffset": plan.sample.offset,
        "SampleSize": graph.sample.size,
        "InputRepeat": graph.sample.input_repeat,
    }
    fbs.ModelStart(builder)
    for name, value in (scalars | offsets).items():
        getattr(fbs, f"ModelAdd{name}")(builder, value)
    builder.Finish(fbs.ModelEnd(builder), file_identifier=b"FML1")
    return _with_header(bytearray(builder.Output()), weights_size)


def _with_header(buffer: bytearray, weights_size: int) -> bytes:
    """Makes room for the header behind the identifier, and fills it; of the FlatBuffer's offsets only the root's changes."""
    gap = HEADER_SIZE - 8
    size = len(buffer) + gap
    section = open_metadata(bytes(buffer)).Sections(0)._tab.Pos
    struct.pack_into("<I", buffer, section, size)
    (root,) = struct.unpack_from("<I", buffer)
    front = struct.pack("<I4sII", root + gap, b"FML1", size, size + weights_size)
    rest = bytes(buffer[8:])
    return front + struct.pack("<I", zlib.crc32(front + rest)) + rest
