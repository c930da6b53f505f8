"""What a plan's parts cost on a target. Tiles, commits and the report all ask here.

How long an interval should be: with T the cost of the work between two commits, C that of a commit and E what a life (from one
power failure to the next) has for work, a share C / T of all work goes into commits. The failure finds the device somewhere in
an interval, in its middle on average, and T / 2 of E has to be run again. The overhead C / T + T / (2 E) is least where its
derivative is zero,

    T = sqrt(2 C E),

which is Young's rule (J. W. Young, "A first order approximation to the optimum checkpoint interval", 1974) with energy
in place of time. Daly's refinement (2006) is for commits that are dear against a life; the optimum is flat, so it changes
nothing here: an interval off by a fifth has 2% more overhead. What an interval writes into an NVM behind a bus is part of its
work, however long it is; only the record and the syncs are C.

How long it may be: every life starts at the last commit, so progress is certain as soon as starting, one interval and its
commit fit what a life surely gives."""

from __future__ import annotations

from functools import cache, cached_property
from itertools import product
from math import ceil, prod, sqrt

import numpy as np

from freeml_pack.encodings import DIRECTORY_ENTRY
from freeml_pack.errors import TooLargeError
from freeml_pack.graph import AveragePool2d, Conv2d, DepthwiseConv2d, Encoding, Graph, MaxPool2d, Op, Shape, op_macs
from freeml_pack.plan.space import block_bytes, block_products, element_bytes, is_encoded, op_space, tile_count, write_runs
from freeml_pack.targets import Energy, Target
from freeml_pack.units import quantity

_LOOKUP_BYTES = 256
_TOGETHER = 4  # pixels, at least, that kernels for encoded weights take together
_CONSTANT_MACS = 7  # unpacking one channel's bias, multiplier and shift takes as long as this many multiply-accumulates
_OP_METADATA = 80  # bytes in the blob, about: an op with its tensor, window or view


class CostModel:
    """All results are in the unit of the target's prices. PackError where a charge does not last until the first step."""

    def __init__(self, graph: Graph, target: Target, arena_size: int) -> None:
        self.graph, self.target, self.prices = graph, target, target.prices
        self._arena_size = arena_size
        if self.limit <= 0:
            start = quantity(self.recovery + self.prices.commit, self.prices.unit)
            raise TooLargeError(
                f"starting, opening the blob and one commit take {start}, but {self.charge()}; "
                "use a larger capacitor or a smaller model"
            )

    @cached_property
    def recovery(self) -> float:
        """From power-on to the first step that runs again: at most. The core then commits once, to count the start."""
        ops = self.graph.ops
        stored = {id(getattr(op, "weight", op)): op for op in ops}.values()  # bands of a layer share their constants
        blob = sum(block_bytes(op, op_space(self.graph, op)[2]) + _lookup_bytes(op) for op in stored) + _OP_METADATA * len(ops)
        arena = 0 if self.target.nvm_mapped else self._arena_size
        return self.prices.boot + self.prices.check * blob + self.prices.byte * arena + self.prices.commit

    @cached_property
    def limit(self) -> float:
        """An interval must not cost more."""
        return self.prices.most - self.recovery - self.prices.commit

    @cached_property
    def work_per_life(self) -> float:
        """What steps and commits have of a life."""
        return self.prices.life - self.recovery if isinstance(self.prices, Energy) else self.prices.life

    @cached_property
    def interval(self) -> float:
        """An interval should cost this much."""
        return min(self.limit, sqrt(2 * self.prices.commit * self.work_per_life))

    def charge(self) -> str:
        """What a life gives, in words."""
        most = quantity(self.prices.most, self.prices.unit)
        return f"a charge of target {self.target.name} surely gives {most}, its margin deducted"

    def step(self, op: Op, tile: Shape) -> float:
        """One step, its bytes in the NVM included, at most; reading streamed constants is `load`."""
        return self._step(op, tile, max(self._products(op, tile[2])))

    def _step(self, op: Op, tile: Shape, products: float) -> float:
        """products: multiply-accumulates of a pixel with its tile[2] channels."""
        pixels = tile[0] * tile[1] * (prod(op.pool) if isinstance(op, Conv2d) else 1)
        macs = products * _macs(op, pixels, self.target)
        if isinstance(op, Conv2d | DepthwiseConv2d):
            macs += _CONSTANT_MACS * tile[2]
        if isinstance(op, Conv2d) and (
            op.window.kernel != (1, 1) or any(op.window.padding) or op.encoding == Encoding.OFFSET_8
        ):
            macs += pixels * prod(op.weight.shape[1:])  # the window's bytes are collected, or added up, once for all channels
        cost = self.prices.step + macs * self.prices.mac + pixels * tile[2] * self.prices.element
        if not self.target.nvm_mapped:
            written = prod(tile) * element_bytes(op)
            cost += written * self.prices.byte + write_runs(self.graph, op, tile) * self.prices.transfer
        return cost

    def _products(self, op: Op, channels: int) -> list[float]:
        """Multiply-accumulates of a pixel: of a block of `channels` channels; where blocks differ, of each."""
        if not is_encoded(op):
            return [channels * _taps(self.graph, op)]
        return [float(count) for count in block_products(op, channels).tolist()]

    def load(self, op: Op, tile: Shape) -> float:
        """Reading the constants of one channel block."""
        size = block_bytes(op, tile[2]) + _lookup_bytes(op)
        if self.target.blob_mapped or size == 0:
            return 0.0
        reads, size = (2, size + 2 * DIRECTORY_ENTRY) if is_encoded(op) else (1, size)
        return reads * self.prices.transfer + size * self.prices.byte

    def steps(self, op: Op, tile: Shape, count: int) -> float:
        """`count` consecutive steps of an op, at most: wherever they begin, with nothing loaded."""
        rows, columns, _ = op_space(self.graph, op)
        if count == tile_count(op_space(self.graph, op), tile):
            return self.op(op, tile)
        per_block = ceil(rows / tile[0]) * ceil(columns / tile[1])
        blocks = (count + per_block - 2) // per_block + 1
        return count * self.step(op, tile) + blocks * self.load(op, tile)

    def op(self, op: Op, tile: Shape) -> float:
        """All steps of an op, in one go."""
        rows, columns, channels = (_pieces(extent, step) for extent, step in zip(op_space(self.graph, op), tile, strict=True))
        loads = sum(count for count, _ in channels) * self.load(op, tile)
        boxes = product(rows, columns, self._blocks(op, channels))
        return loads + sum(
            m * n * k * self._step(op, (r, c, width), products) for (m, r), (n, c), (k, width, products) in boxes
        )

    def each_step(self, op: Op, tile: Shape) -> np.ndarray:
        """float64 [steps]: each step of an op, in the order in which they run; loads not included."""
        rows, columns, channels = (
            np.minimum(step, extent - np.arange(0, extent, step)).tolist()
            for extent, step in zip(op_space(self.graph, op), tile, strict=True)
        )
        products = self._products(op, tile[2]) if is_encoded(op) else [self._products(op, width)[0] for width in channels]
        price = cache(lambda shape, count: self._step(op, shape, count))
        blocks = list(zip(channels, products, strict=True))
        return np.array([price((r, c, width), count) for (width, count), c, r in product(blocks, columns, rows)])

    def _blocks(self, op: Op, pieces: list[tuple[int, int]]) -> list[tuple[int, int, float]]:
        """(how many, how many channels, multiply-accumulates of a pixel on average) of the op's channel blocks."""
        if not is_encoded(op):
            return [(count, width, self._products(op, width)[0]) for count, width in pieces]
        products, done, blocks = self._products(op, pieces[0][1]), 0, []
        for count, width in pieces:
            blocks.append((count, width, sum(products[done : done + count]) / count))
            done += count
        return blocks


def dense_macs(graph: Graph, target: Target) -> float:
    """Multiply-accumulates of one sample, those with encoded weights counted as what they take on the target."""
    total = 0.0
    for op in graph:
        if isinstance(op, Conv2d):
            rows, columns, channels = op_space(graph, op)
            pixels = rows * columns * prod(op.pool)
            products = float(block_products(op, channels).sum()) if is_encoded(op) else op_macs(graph, op) / pixels
            total += products * _macs(op, pixels, target)
        else:
            total += op_macs(graph, op)
    return total


def _macs(op: Op, pixels: int, target: Target) -> float:
    """What a weight's products with so many pixels of a step take, in multiply-accumulates of a dense convolution. Kernels for
    encoded weights take some pixels at a time; where one alone costs no more, they take them one by one."""
    if not is_encoded(op):
        return pixels * (target.encoded_factor(op.encoding, pixels) if isinstance(op, Conv2d) else 1.0)
    factor = target.encoded_factor(op.encoding, pixels)
    if factor == target.encoded_factor(op.encoding, 1):
        return pixels * factor
    return ceil(pixels / _TOGETHER) * _TOGETHER * factor


def _pieces(extent: int, step: int) -> list[tuple[int, int]]:
    """(how many, how long) of the pieces that an axis is cut into."""
    whole, rest = divmod(extent, step)
    return [(whole, step)] + ([(1, rest)] if rest else [])


def _lookup_bytes(op: Op) -> int:
    return _LOOKUP_BYTES if op.q is not None and op.q.lookup is not None else 0


def _taps(graph: Graph, op: Op) -> int:
    """Input elements that one output element is made of, where a loop goes over them."""
    if isinstance(op, Conv2d | DepthwiseConv2d):
        return prod(op.weight.shape[1:])
    if isinstance(op, AveragePool2d) and op.adaptive:
        sizes = zip(graph.tensors[op.inputs[0]].shape[:2], graph.tensors[op.output].shape[:2], strict=True)
        return prod(ceil(size / windows) + 1 for size, windows in sizes)
    return prod(op.window.kernel) if isinstance(op, MaxPool2d | AveragePool2d) else 0
