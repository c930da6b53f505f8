"""The intermediate representation: a `Graph` of `Op`s over `Tensor`s. Immutable; a pass is Graph -> Graph.

One sample flows through the graph; there is no batch axis. All tensors are (height, width, channels): a PyTorch
(C, H, W) becomes (H, W, C), (C, L) becomes (L, 1, C), (F,) becomes (1, 1, F).

The same classes serve before and after quantization: `Tensor.quant` and the ops' `q` are None in a float graph and set
in an int8 graph. schema/SPEC.md defines the arithmetic of the int8 graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np

Shape = tuple[int, int, int]
"""(height, width, channels)"""

SUM_BYTES = 4  # of an accumulator


@dataclass(frozen=True)
class Quant:
    """real = (q - zero_point) * scale, q in -128..127."""

    scale: float
    zero_point: int


@dataclass(frozen=True)
class Tensor:
    name: str
    shape: Shape
    quant: Quant | None = None
    stats: tuple[np.ndarray, np.ndarray] | None = field(default=None, compare=False)
    """(mean, standard deviation) of each channel, float32 [C], before the activation of the op that writes the tensor:
    a folded batch norm's bias and |weight|. Calibration without data lives on them."""

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1] * self.shape[2]


@dataclass(frozen=True)
class Activation:
    """Pointwise function at the end of an op. `kind` is a key of freeml_pack.activations.FUNCTIONS; clamps (relu, relu6,
    hardtanh) cost nothing on the device, all others become a look-up table."""

    kind: str
    args: tuple[float, ...] = ()


@dataclass(frozen=True)
class Strides:
    """One side of a strided copy, in elements: element (i, j, k) lies at offset + i*row + j*column + k*depth."""

    offset: int
    row: int
    column: int
    depth: int

    def indices(self, space: Shape) -> np.ndarray:
        """int64 [*space]: where each element of the space lies."""
        rows, columns, depths = (np.arange(n, dtype=np.int64) for n in space)
        return self.offset + rows[:, None, None] * self.row + columns[:, None] * self.column + depths * self.depth


@dataclass(frozen=True)
class View:
    space: Shape  # rows, columns, depth
    source: Strides
    destination: Strides


@dataclass(frozen=True, eq=False)
class Requant:
    """Integer constants of a requantization (SPEC.md): arrays of one element or one per output channel."""

    multiplier: np.ndarray  # int32, 0..32767
    shift: np.ndarray  # int32, 1..31
    left_shift: int = 0  # 0..15


@dataclass(frozen=True, eq=False)
class OpQuant:
    """Integer constants of an op in an int8 graph. Which are set depends on the kind."""

    activation_min: int = -128
    activation_max: int = 127
    lookup: np.ndarray | None = None  # int8 [256], index q + 128
    weight: np.ndarray | None = None  # int8, layout as the op's float weight
    weight_scale: np.ndarray | None = None  # float64 [out]; real weight = weight * weight_scale
    bias: np.ndarray | None = None  # int32 [out], input zero point folded in
    requant: Requant | None = None  # CONV_2D, DEPTHWISE (per channel); MULTIPLY; AVERAGE_POOL (one, or one per tap count)
    add: tuple[int, int, int] | None = None  # ADD: m1, m2, s
    quantize: np.ndarray | None = None  # QUANTIZE: int64 [n, 3] of m, o, s; n = 1 or view.space[2]


@dataclass(frozen=True, eq=False, kw_only=True)
class Op:
    name: str  # the layer as the user knows it ("layer1.0.conv2"), for messages and reports
    inputs: tuple[str, ...]
    output: str
    activation: Activation | None = None
    q: OpQuant | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Quantize(Op):
    """The sample becomes a tensor. inputs = (). `view.source` counts elements of the sample in the user's axis order;
    `view.destination` elements of the output. Float meaning: output = normalised sample, rearranged."""

    view: View


@dataclass(frozen=True)
class Window:
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)  # top, left, bottom, right; zeros (max-pool: minus infinity)


class Encoding(IntEnum):
    """How a blob stores the weights of a Conv2d, as in schema/model.fbs."""

    DENSE_8 = 0
    DENSE_4 = 1
    SPARSE_8 = 2
    SPARSE_4 = 3
    BLOCK_SPARSE_8 = 4
    BLOCK_SPARSE_4 = 5
    OFFSET_8 = 6


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv2d(Op):
    """Also linear layers (1x1 window on 1x1xC). Depthwise (groups == input channels, more than one) is `DepthwiseConv2d`.

    codebook: the only values that the weights may take, for weights that were trained so: float32 [16], each an integer
    -127..127, in units of a scale that each output channel has for itself. Quantization finds the scale and rounds to these.
    None: any values; quantization still keeps weights that take few.

    Only in an int8 graph (SPEC.md, "CONV_2D"): channel_range, the input channels [begin, end) that are read, None: all; pool,
    pixels (rows, columns) of which the largest is the output; sums_out, the output are the accumulators; a second input, the
    accumulators to go on from. A tensor of accumulators has SUM_BYTES times the channels."""

    window: Window
    weight: np.ndarray  # float32 [out, kernel_h, kernel_w, in / groups]
    bias: np.ndarray  # float32 [out]
    groups: int = 1
    encoding: Encoding = Encoding.DENSE_8  # others: groups == 1
    codebook: np.ndarray | None = None
    channel_range: tuple[int, int] | None = None
    pool: tuple[int, int] = (1, 1)
    sums_out: bool = False

    @property
    def sums_in(self) -> bool:
        return len(self.inputs) == 2


@dataclass(frozen=True, eq=False, kw_only=True)
class DepthwiseConv2d(Op):
    """Also per-channel scale and shift (1x1 window). Output channel c reads input channel c // multiplier."""

    window: Window
    weight: np.ndarray  # float32 [out, kernel_h, kernel_w]
    bias: np.ndarray  # float32 [out]


@dataclass(frozen=True, eq=False, kw_only=True)
class MaxPool2d(Op):
    window: Window


@dataclass(frozen=True, eq=False, kw_only=True)
class AveragePool2d(Op):
    """adaptive: windows as torch.nn.AdaptiveAvgPool2d, `window` is ignored. divisor: taps counted; None: those inside the
    input (count_include_pad=False), else this number for every window."""

    window: Window
    adaptive: bool = False
    divisor: int | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(Op):
    """inputs[0] + sign * inputs[1], same shapes."""

    sign: int = 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Multiply(Op):
    """inputs[0] * inputs[1]; the second has the same shape or is (1, 1, C)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Copy(Op):
    """Strided copy: slice, part of a concatenation, permutation, padding's interior, or an activation by itself. Several
    ops may write parts of one output tensor; they follow each other."""

    view: View


@dataclass(frozen=True, eq=False, kw_only=True)
class Fill(Op):
    """Whole output = 0.0. inputs = (). The border of an explicit padding, before the Copy into its interior."""


class SampleType(IntEnum):
    """As in schema/model.fbs."""

    UINT8 = 0
    INT8 = 1
    UINT16 = 2
    INT16 = 3


class OutputTransform(IntEnum):
    """As in schema/model.fbs."""

    NONE = 0
    SOFTMAX = 1
    LOG_SOFTMAX = 2
    SIGMOID = 3


@dataclass(frozen=True)
class Normalisation:
    """What the user's numbers mean to the model: real = number * scale[i] + offset[i], where i = (element // repeat) %
    length and elements are counted in the user's axis order."""

    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    repeat: int = 1


@dataclass(frozen=True, eq=False)
class Sample:
    """What the device is given. Set by the front end (shape), the data (shape, type, normalisation) and quantization
    (the rest)."""

    shape: tuple[int, ...]  # the user's axis order, without the batch
    type: SampleType | None = None  # None before quantization: floating-point numbers, INT8 after it
    normalisation: Normalisation = Normalisation()
    input_scale: tuple[float, ...] = ()  # float data only: q = round(x * scale + offset), see schema/model.fbs
    input_offset: tuple[float, ...] = ()
    input_repeat: int = 1

    @property
    def elements(self) -> int:
        return int(np.prod(self.shape))

    @property
    def size(self) -> int:
        """Bytes."""
        return self.elements * (2 if self.type in (SampleType.UINT16, SampleType.INT16) else 1)


NEVER = 255
"""Threshold of an exit that is not to be taken by itself."""


@dataclass(frozen=True)
class Exit:
    """Where an inference can end early (SPEC.md, "Exits"): int8 graphs only."""

    tensor: str  # the scores, as many as the output's
    threshold: int = NEVER  # difference of the two highest int8 scores from which on they may be taken, 0..255
    temperature: float = 1.0  # of the softmax of the int8 scores that is the confidence


@dataclass(frozen=True, eq=False)
class Graph:
    name: str
    sample: Sample
    ops: tuple[Op, ...]  # in execution order; the first is a Quantize
    tensors: dict[str, Tensor]  # treat as read-only
    output: str  # a (1, 1, classes) tensor as a rule; any shape is allowed
    output_transform: OutputTransform = OutputTransform.NONE
    exits: tuple[Exit, ...] = ()  # in the order in which their tensors are written

    def consumers(self, tensor: str) -> tuple[Op, ...]:
        return tuple(op for op in self.ops if tensor in op.inputs)

    def producers(self, tensor: str) -> tuple[Op, ...]:
        return tuple(op for op in self.ops if op.output == tensor)

    def last_write(self, tensor: str) -> int:
        """Index of the op that completes a tensor."""
        return max(index for index, op in enumerate(self.ops) if op.output == tensor)

    def macs(self) -> int:
        """Multiply-accumulates of convolutions and linear layers for one sample; padded taps count."""
        return sum(op_macs(self, op) for op in self.ops)

    def with_(self, **changes: object) -> Graph:
        return replace(self, **changes)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Op]:
        return iter(self.ops)


def op_macs(graph: Graph, op: Op) -> int:
    """Multiply-accumulates of one op (0 for kinds without weights)."""
    if not isinstance(op, Conv2d | DepthwiseConv2d):
        return 0
    height, width, _ = graph.tensors[op.output].shape
    pool = op.pool if isinstance(op, Conv2d) else (1, 1)
    return height * pool[0] * width * pool[1] * op.weight.size
