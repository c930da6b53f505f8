"""Low-rank factors of trained layers, as SparseComp uses them: Tucker-2 for convolutions (Kim et al. 2016), a truncated SVD for
linear layers, ranks by variational Bayes matrix factorisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]
from torch import nn

_SWEEPS = 10  # of alternating least squares; the fit no longer changes after a few

Layer = nn.Conv1d | nn.Conv2d | nn.Linear
Ranks = tuple[int, ...]


def bayes_rank(matrix: np.ndarray) -> int:
    """How many singular values are more than noise, at least 1: the global analytic solution of empirical variational Bayes
    matrix factorisation with unknown noise (Nakajima et al. 2013, theorems 2 and 4)."""
    rows, columns = sorted(matrix.shape)
    squares = np.linalg.svd(matrix.astype(np.float64), compute_uv=False) ** 2 / columns
    alpha = rows / columns
    tau = 2.5129 * np.sqrt(alpha)
    threshold = (1 + tau) * (1 + alpha / tau)
    most = min(int(np.ceil(rows / (1 + alpha))) - 1, rows - 1)
    highest = squares.sum() / rows
    lowest = max(squares[most] / threshold, squares[most:].mean())
    if not 0 < lowest < highest:
        return rows
    noise = minimize_scalar(_free_energy, bounds=(lowest, highest), args=(squares, alpha, threshold), method="bounded").x
    return max(1, int((squares > noise * threshold).sum()))


def _free_energy(noise: float, squares: np.ndarray, alpha: float, threshold: float) -> float:
    """Of the noise variance, up to a constant."""
    x = np.maximum(squares / noise, 1e-30)
    kept = x[x > threshold]
    excess = kept - (1 + alpha)
    tau = (excess + np.sqrt(excess**2 - 4 * alpha)) / 2
    return float((x - np.log(x)).sum() + (np.log(tau + 1) + alpha * np.log(tau / alpha + 1) - tau).sum())


def bayes_ranks(layer: Layer) -> Ranks:
    """(rank,) of a linear layer, (rank of inputs, rank of outputs) of a convolution."""
    weight = layer.weight.detach().numpy()
    if isinstance(layer, nn.Linear):
        return (bayes_rank(weight),)
    weight = weight.reshape(*weight.shape[:2], -1)
    outputs, inputs = weight.shape[:2]
    return bayes_rank(weight.transpose(1, 0, 2).reshape(inputs, -1)), bayes_rank(weight.reshape(outputs, -1))


def factorised(layer: Layer, ranks: Ranks) -> nn.Sequential:
    """The layers that take its place: two of a linear layer, three of a convolution."""
    if isinstance(layer, nn.Linear):
        return _two(layer, *ranks)
    return _three(layer, *ranks)


def _two(layer: nn.Linear, rank: int) -> nn.Sequential:
    u, s, v = torch.linalg.svd(layer.weight.detach(), full_matrices=False)
    root = s[:rank].sqrt()
    first, second = nn.Linear(layer.in_features, rank, bias=False), nn.Linear(rank, layer.out_features, layer.bias is not None)
    return _filled([first, second], [root[:, None] * v[:rank], u[:, :rank] * root], layer.bias)


def _three(layer: nn.Conv1d | nn.Conv2d, inputs: int, outputs: int) -> nn.Sequential:
    kind: Any = type(layer)
    one = (1,) * len(layer.kernel_size)
    core, left, right = _tucker_2(layer.weight.detach().flatten(2), inputs, outputs)
    first = kind(layer.in_channels, inputs, one, bias=False)
    middle = kind(inputs, outputs, layer.kernel_size, layer.stride, layer.padding, layer.dilation, bias=False)
    last = kind(outputs, layer.out_channels, one, bias=layer.bias is not None)
    return _filled([first, middle, last], [right.T, core, left], layer.bias)


def _tucker_2(weight: torch.Tensor, inputs: int, outputs: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """[O, I, K] -> core [outputs, inputs, K], factors [O, outputs] and [I, inputs] with orthonormal columns, by higher-order
    orthogonal iteration."""
    right = _leading(weight.transpose(0, 1), inputs)
    for _ in range(_SWEEPS):
        left = _leading(torch.einsum("oik,ir->ork", weight, right), outputs)
        right = _leading(torch.einsum("oik,or->irk", weight, left), inputs)
    return torch.einsum("oik,or,is->rsk", weight, left, right), left, right


def _leading(tensor: torch.Tensor, rank: int) -> torch.Tensor:
    """The leading left singular vectors of [N, ...] unfolded."""
    return torch.linalg.svd(tensor.flatten(1), full_matrices=False)[0][:, :rank]


def _filled(layers: list[Layer], weights: list[torch.Tensor], bias: torch.Tensor | None) -> nn.Sequential:
    with torch.no_grad():
        for layer, weight in zip(layers, weights, strict=True):
            layer.weight.copy_(weight.reshape(layer.weight.shape))
        if bias is not None and layers[-1].bias is not None:
            layers[-1].bias.copy_(bias)
    return nn.Sequential(*layers)
