"""Layers as products of thinner ones: truncated SVD of linear and pointwise layers, Tucker-2 of convolutions (Kim et al.,
"Compression of Deep Convolutional Neural Networks for Fast and Low Power Mobile Applications", 2016).

Taken only where it pays after quantization: where the factors of the rank that loses hardly more than int8 does take clearly
fewer bytes and no more multiply-accumulates than the layer. Networks are seldom so but in wide linear layers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from freeml_pack.encodings import CHANNEL_BYTES
from freeml_pack.graph import Conv2d, Graph, Op, Tensor, Window

_OP_BYTES = 100  # of metadata, about: an op with its tensor and window
LOSS = 1e-4  # of the squares of a layer's weights, or output; int8 weights lose about as much
_PAYS = 0.8  # of the bytes before
_SWEEPS = 3  # of HOOI


@dataclass(frozen=True)
class Factors:
    """What became of a layer."""

    layer: str
    ranks: tuple[int, ...]  # of the input's and the output's channels; a linear layer has one
    bytes_before: int
    bytes_after: int


def factorise(
    graph: Graph, moments: dict[str, np.ndarray] | None = None, loss: float = LOSS
) -> tuple[Graph, dict[str, Factors]]:
    """The graph with factors in place of the layers where that pays, and which these are, by the output of the layer.

    moments: second moments of each layer's inputs by its output, as `freeml_pack.calibrate` collects them; where they are
    known, what counts is the error of the output rather than of the weights."""
    ops: list[Op] = []
    tensors, taken = dict(graph.tensors), dict[str, Factors]()
    for op in graph:
        made = None
        if isinstance(op, Conv2d) and op.groups == 1:
            made = _factors(graph, op, (moments or {}).get(op.output), loss)
        if made is None:
            ops.append(op)
            continue
        chain, taken[op.output] = made
        ops += chain
        for link in chain[:-1]:
            shape = _shape_between(graph, chain[-1].output, link)
            tensors[link.output] = Tensor(link.output, (*shape, len(link.bias)))
    return graph.with_(ops=tuple(ops), tensors=tensors), taken


def tucker(op: Conv2d, inner: int, outer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(input factor [inner, in], core [outer, kernel_h, kernel_w, inner], output factor [out, outer]): their product is the
    weight as nearly as such ranks allow (higher-order orthogonal iteration, De Lathauwer et al., 2000). 1 <= inner <= in,
    1 <= outer <= out."""
    weight = op.weight.astype(np.float64)
    out, _, _, channels = weight.shape
    left = _basis(weight.reshape(out, -1), outer)
    right = _basis(weight.reshape(-1, channels).T, inner)
    for _ in range(_SWEEPS):
        left = _basis(np.einsum("ohwi,ij->ohwj", weight, right).reshape(out, -1), outer)
        right = _basis(np.einsum("ohwi,op->iphw", weight, left).reshape(channels, -1), inner)
    core = np.einsum("ohwi,op,ij->phwj", weight, left, right)
    return right.T, core, left


def truncated(op: Conv2d, rank: int, moments: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(input factor [rank, taps], output factor [out, rank]) of a layer's matrix [out, taps]; moments: [taps, taps], of what it
    is multiplied with."""
    matrix = op.weight.reshape(len(op.weight), -1).astype(np.float64)
    root, inverse = _root(moments)
    u, s, v = np.linalg.svd(matrix if root is None else matrix @ root, full_matrices=False)
    first = s[:rank, None] * v[:rank]
    return first if inverse is None else first @ inverse, u[:, :rank]


def _factors(graph: Graph, op: Conv2d, moments: np.ndarray | None, loss: float) -> tuple[list[Conv2d], Factors] | None:
    before = len(op.bias) * CHANNEL_BYTES + op.weight.size
    chain = _tucker_chain(graph, op, loss) if op.window.kernel != (1, 1) and _is_window(graph, op) else None
    if chain is None:
        chain = _svd_chain(graph, op, moments, loss)
    after = sum(len(link.bias) * CHANNEL_BYTES + link.weight.size for link in chain) + _OP_BYTES * (len(chain) - 1)
    work = sum(link.weight.size * prod(_shape_between(graph, op.output, link)) for link in chain)
    if after > _PAYS * before or work > op.weight.size * prod(graph.tensors[op.output].shape[:2]):
        return None
    ranks = tuple(len(link.bias) for link in chain[:-1])
    return chain, Factors(op.name, ranks, before, after)


def _is_window(graph: Graph, op: Conv2d) -> bool:
    """Whether the window moves, or hangs over a border; else the layer is a linear one."""
    return graph.tensors[op.output].shape[:2] != (1, 1) or any(op.window.padding)


def _shape_between(graph: Graph, output: str, link: Conv2d) -> tuple[int, int]:
    """Height and width of what a link of the chain to `output` gives; a pointwise one may stand before a window."""
    source = graph.tensors.get(link.inputs[0])
    is_pointwise = source is not None and link.window == Window((1, 1))
    return source.shape[:2] if source is not None and is_pointwise else graph.tensors[output].shape[:2]


def _svd_chain(graph: Graph, op: Conv2d, moments: np.ndarray | None, loss: float) -> list[Conv2d]:
    matrix = op.weight.reshape(len(op.weight), -1).astype(np.float64)
    inputs = None if moments is None or len(moments) != 1 else moments[0][:-1, :-1].astype(np.float64)
    root, _ = _root(inputs)
    rank = _least_rank(np.linalg.svd(matrix if root is None else matrix @ root, compute_uv=False), loss)
    first, second = truncated(op, rank, inputs)
    middle = f"{op.output}/factor"
    return [
        replace(
            op,
            name=f"{op.name}/1",
            output=middle,
            weight=first.reshape(rank, *op.weight.shape[1:]).astype(np.float32),
            bias=np.zeros(rank, np.float32),
            activation=None,
        ),
        _pointwise(op, f"{op.name}/2", middle, op.output, second, op.bias),
    ]


def _tucker_chain(graph: Graph, op: Conv2d, loss: float) -> list[Conv2d]:
    out, _, _, channels = op.weight.shape
    unfolded = op.weight.astype(np.float64)
    outer = _least_rank(np.linalg.svd(unfolded.reshape(out, -1), compute_uv=False), loss / 2)
    inner = _least_rank(np.linalg.svd(unfolded.reshape(-1, channels), compute_uv=False), loss / 2)
    first, core, last = tucker(op, inner, outer)
    names = [f"{op.output}/factor", f"{op.output}/core"]
    middle = replace(
        op,
        name=f"{op.name}/2",
        inputs=(names[0],),
        output=names[1],
        weight=core.astype(np.float32),
        bias=np.zeros(outer, np.float32),
        activation=None,
    )
    begin = _pointwise(op, f"{op.name}/1", op.inputs[0], names[0], first, np.zeros(inner, np.float32), ends=False)
    return [begin, middle, _pointwise(op, f"{op.name}/3", names[1], op.output, last, op.bias)]


def _pointwise(
    op: Conv2d, name: str, source: str, output: str, matrix: np.ndarray, bias: np.ndarray, *, ends: bool = True
) -> Conv2d:
    weight = matrix.reshape(len(matrix), 1, 1, -1).astype(np.float32)
    activation = op.activation if ends else None
    return Conv2d(
        name=name, inputs=(source,), output=output, activation=activation, window=Window((1, 1)), weight=weight, bias=bias
    )


def _basis(matrix: np.ndarray, rank: int) -> np.ndarray:
    """[rows, rank]: the leading left singular vectors."""
    return np.linalg.svd(matrix, full_matrices=False)[0][:, :rank]


def _least_rank(singular: np.ndarray, loss: float) -> int:
    """How many singular values it takes for all but `loss` of their squares."""
    energy = np.cumsum(singular[::-1] ** 2)[::-1]
    return max(1, int((energy > loss * energy[0]).sum()))


def _root(moments: np.ndarray | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    """A square root of the (damped) moments, and its inverse. None, which stands for identities that may be too large to be
    written down, where there are no moments."""
    if moments is None:
        return None, None
    taps = len(moments)
    damped = moments + np.eye(taps) * (1e-4 * np.trace(moments) / taps + 1e-30)
    values, vectors = np.linalg.eigh(damped)
    values = np.sqrt(np.maximum(values, values[-1] * 1e-12))
    return vectors * values @ vectors.T, vectors / values @ vectors.T
