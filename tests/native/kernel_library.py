"""The kernels as a shared library of their own, and one operator run on it tile by tile.

The engine reaches the kernels only through whole, verified blobs; here they are called directly, so that every geometry that
verification allows is cheap to try. FREEML_CFLAGS replaces the compiler flags; with -fsanitize=address (and libasan in
LD_PRELOAD) reads beyond a buffer are found, too.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import struct
import subprocess
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cffi
import numpy as np

SOURCE = Path(__file__).resolve().parents[2] / "native" / "src"
INCLUDE = SOURCE.parent / "include"
FLAGS = shlex.split(os.environ.get("FREEML_CFLAGS", "-O2"))
SANITIZED = any("sanitize" in flag and "address" in flag for flag in FLAGS)
GUARD = 16  # bytes around each buffer that must stay as they are

KINDS = ("QUANTIZE", "CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D", "ADD", "MULTIPLY", "COPY", "FILL")
SAMPLE_TYPES = ("<u1", "<i1", "<u2", "<i2")
HAS_LOOKUP = 2
ADAPTIVE = 4
SUMS_OUT = 8
SUMS_IN = 16

Shape = tuple[int, int, int]


@functools.cache
def library() -> tuple[cffi.FFI, Any]:
    """(ffi, lib) over bytes.c, op.c and kernels/*.c, compiled once per test session."""
    header = (SOURCE / "op.h").read_text()
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    header = re.sub(r"static inline.*?\n}\n", "", header, flags=re.S)
    ffi = cffi.FFI()
    for action in ("poison", "unpoison"):
        ffi.cdef(f"void __asan_{action}_memory_region(void const volatile *, size_t);")
    ffi.cdef("\n".join(line for line in header.splitlines() if not line.startswith("#")))
    sources = [SOURCE / "bytes.c", SOURCE / "op.c", *sorted((SOURCE / "kernels").glob("*.c"))]
    target = Path(tempfile.mkdtemp(prefix="freeml-kernels-")) / "kernels.so"
    command = ["cc", "-std=c99", *FLAGS, "-shared", "-fPIC", f"-I{INCLUDE}", *map(str, sources), "-o", str(target)]
    subprocess.run(command, check=True)
    return ffi, ffi.dlopen(str(target))


@dataclass(frozen=True)
class Window:
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)  # top, left
    groups: int = 1
    pool: tuple[int, int] = (1, 1)
    channels: tuple[int, int] | None = None  # CONV_2D: first input channel, how many; None: all


@dataclass(frozen=True)
class Strides:
    offset: int
    row: int
    column: int
    depth: int


@dataclass(frozen=True)
class View:
    space: Shape
    source: Strides
    destination: Strides


@dataclass(frozen=True)
class Case:
    """One operator with its data. Arrays are (height, width, channels); `sample` is flat."""

    kind: str
    output_shape: Shape
    tile: Shape
    input: np.ndarray | None = None
    input2: np.ndarray | None = None
    sample: np.ndarray | None = None
    zero_points: Shape = (0, 0, 0)  # input, input2, output
    limits: tuple[int, int] = (-128, 127)
    left_shift: int = 0
    window: Window = field(default_factory=Window)
    view: View | None = None
    flags: int = 0
    params: bytes = b""
    lookup: np.ndarray | None = None
    encoding: int = 0

    @property
    def space(self) -> Shape:
        height, width, channels = self.output_shape
        return self.view.space if self.view else (height, width, channels // 4 if self.flags & SUMS_OUT else channels)

    def with_(self, **changes: Any) -> Case:
        return replace(self, **changes)


def _sanitizer(action: str, address: int, size: int) -> None:
    """Makes AddressSanitizer stop ("poison"), or no longer stop ("unpoison"), at any access."""
    ffi, _ = library()
    getattr(ffi.dlopen(None), f"__asan_{action}_memory_region")(ffi.cast("void *", address), size)


class Guarded:
    """A copy of some bytes between guard bytes, at an odd address unless `align` is given."""

    def __init__(self, data: bytes, align: int = 0) -> None:
        ffi, _ = library()
        self.size = len(data)
        self.memory = np.full(2 * GUARD + 8 + len(data), 0xA5, np.uint8)
        address = self.memory.ctypes.data + GUARD
        self.begin = GUARD + (-address % align if align else 1 - address % 2)
        self.bytes[:] = np.frombuffer(data, np.uint8)
        self.pointer = ffi.cast("uint8_t *", self.memory.ctypes.data + self.begin)
        if SANITIZED:
            behind = self.begin + self.size
            _sanitizer("poison", self.memory.ctypes.data, self.begin)
            _sanitizer("poison", self.memory.ctypes.data + behind, len(self.memory) - behind)

    def __del__(self) -> None:
        if SANITIZED:  # numpy hands the memory to others without asking the sanitizer
            _sanitizer("unpoison", self.memory.ctypes.data, len(self.memory))

    @property
    def bytes(self) -> np.ndarray:
        return self.memory[self.begin : self.begin + self.size]

    def check(self) -> None:
        assert (self.memory[: self.begin] == 0xA5).all(), "wrote before a buffer"
        assert (self.memory[self.begin + self.size :] == 0xA5).all(), "wrote behind a buffer"


def _set_shape(struct: Any, shape: Shape) -> None:
    struct.height, struct.width, struct.channels = shape


def _set_tensor(struct: Any, shape: Shape | None, zero_point: int) -> None:
    if shape is not None:
        _set_shape(struct.shape, shape)
    struct.zero_point = zero_point


def make_op(case: Case) -> Any:
    """The fml_op of a case."""
    ffi, _ = library()
    op = ffi.new("fml_op *")
    op.kind = KINDS.index(case.kind)
    op.flags = case.flags | (HAS_LOOKUP if case.lookup is not None else 0)
    op.tile_rows, op.tile_columns, op.tile_channels = case.tile
    op.activation_min, op.activation_max = case.limits
    op.left_shift = case.left_shift
    op.encoding = case.encoding
    op.params_size = len(case.params)
    _set_tensor(op.input, case.input.shape if case.input is not None else None, case.zero_points[0])
    _set_tensor(op.input2, case.input2.shape if case.input2 is not None else None, case.zero_points[1])
    _set_tensor(op.output, case.output_shape, case.zero_points[2])
    window = case.window
    op.window.kernel_height, op.window.kernel_width = window.kernel
    op.window.stride_height, op.window.stride_width = window.stride
    op.window.dilation_height, op.window.dilation_width = window.dilation
    op.window.pad_top, op.window.pad_left = window.pad
    op.window.groups = window.groups
    op.window.pool_height, op.window.pool_width = window.pool
    if case.kind == "CONV_2D" and case.input is not None:
        op.window.first_channel, op.window.channels = window.channels or (0, case.input.shape[2])
    _set_shape(op.space, case.space)
    if case.sample is not None:
        op.sample_type = SAMPLE_TYPES.index(case.sample.dtype.newbyteorder("<").str.replace("|", "<"))
    if case.view is not None:
        _set_shape(op.view.space, case.view.space)
        for name in ("source", "destination"):
            side, strides = getattr(op.view, name), getattr(case.view, name)
            side.offset, side.row, side.column, side.depth = strides.offset, strides.row, strides.column, strides.depth
    return op


def _guarded(array: np.ndarray | None) -> Guarded | None:
    return None if array is None else Guarded(np.ascontiguousarray(array).tobytes())


class Run:
    """A case loaded into the library; `tile(i)` runs one tile."""

    def __init__(self, case: Case, output: np.ndarray) -> None:
        ffi, self.lib = library()
        self.op = make_op(case)
        assert self.lib.fml_op_params_ok(self.op)
        self.output = Guarded(output.astype(np.int8).tobytes())
        self.shape = output.shape
        self.scratch = Guarded(bytes(self.lib.fml_kernel_scratch(self.op)), align=4)
        self.inputs = [_guarded(a) for a in (case.sample, case.input, case.input2)]
        self.lookup = _guarded(case.lookup)
        self.params = case.params
        self.work = ffi.new("fml_work *")
        self.work.op = self.op
        pointers = [ffi.NULL if a is None else a.pointer for a in (*self.inputs, self.lookup)]
        self.work.sample, self.work.lookup = pointers[0], pointers[3]
        self.work.input, self.work.input2 = (ffi.cast("int8_t *", p) for p in pointers[1:3])
        self.work.output = ffi.cast("int8_t *", self.output.pointer)
        self.work.scratch = self.scratch.pointer

    @property
    def tiles(self) -> int:
        return int(self.lib.fml_op_tile_count(self.op))

    def _block(self, tile: Any) -> tuple[int, int]:
        """Where the tile's block of constants begins and ends."""
        if not self.op.encoding:
            block = self.lib.fml_op_block(self.op, library()[0].new("fml_tile *", tile))
            return block.offset, block.offset + block.size
        index, blocks = tile.channel_begin // self.op.tile_channels, -(-self.op.output.shape.channels // self.op.tile_channels)
        bounds = (4 * blocks, *struct.unpack_from(f"<{blocks}I", self.params))
        return bounds[index], bounds[index + 1]

    def tile(self, index: int) -> np.ndarray:
        """Runs tile `index`, with its block of constants alone in memory; returns the whole output."""
        self.work.tile = self.lib.fml_op_tile(self.op, index)
        tile = self.lib.fml_op_tile(self.op, index)
        begin, end = self._block(tile)
        constants = Guarded(self.params[begin:end])
        assert constants.size == end - begin
        self.work.params = constants.pointer
        self.lib.fml_kernel_run(self.work)
        for buffer in (self.output, self.scratch, self.lookup, constants, *self.inputs):
            if buffer is not None:
                buffer.check()
        return self.output.bytes.view(np.int8).reshape(self.shape).copy()
