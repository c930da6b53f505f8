"""Rounding that makes errors good in the columns not rounded yet."""

from __future__ import annotations

import numpy as np
import pytest
from freeml_pack.quantize import rounding
from freeml_pack.quantize.codebook import fit_scales


@pytest.mark.parametrize("groups", [1, 3])
def test_blocks_change_nothing_but_the_speed(groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    taps, outputs = 2 * rounding._BLOCK + 5, 12
    weight, bias = random.normal(size=(outputs, taps)), random.normal(size=outputs)
    seen = random.normal(size=(groups, 400, taps)) @ random.normal(size=(taps, taps))  # the taps are correlated
    seen = np.concatenate([seen, np.ones((groups, 400, 1))], axis=2)
    arguments = (weight, bias, np.abs(weight).max(axis=1) / 127, seen.transpose(0, 2, 1) @ seen)
    integers, corrected = rounding.round_weights(*arguments)
    monkeypatch.setattr(rounding, "_BLOCK", taps)
    at_once, corrected_at_once = rounding.round_weights(*arguments)
    assert (integers != at_once).mean() < 0.001  # a tie may fall the other way
    np.testing.assert_allclose(corrected, corrected_at_once, rtol=1e-3, atol=1e-3)
    assert (integers != np.rint(weight / arguments[2][:, None])).any()


def sparse_layer(random: np.random.Generator, density: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """weight [out, taps], bias [out], moments of inputs whose taps are correlated."""
    weight = random.normal(size=(12, 40)) * (random.random((12, 40)) < density)
    seen = random.normal(size=(1, 400, 40)) @ random.normal(size=(40, 40))
    seen = np.concatenate([seen, np.ones((1, 400, 1))], axis=2)
    return weight, random.normal(size=12), seen.transpose(0, 2, 1) @ seen


@pytest.mark.parametrize("with_moments", [False, True])
def test_zeros_of_a_sparse_layer_stay(with_moments: bool) -> None:
    weight, bias, moments = sparse_layer(np.random.default_rng(1), 0.5)
    scale = np.abs(weight).max(axis=1) / 127
    integers, corrected = rounding.round_weights(weight, bias, scale, moments if with_moments else None)
    assert not integers[weight == 0.0].any()

    def error(integers: np.ndarray, bias: np.ndarray) -> float:
        off = np.concatenate([integers * scale[:, None] - weight, (bias - own_bias)[:, None]], axis=1)
        return float(np.einsum("oi,ij,oj->", off, moments[0], off))

    own_bias = bias
    plain = np.rint(weight / scale[:, None])
    if with_moments:  # those that were kept have made the errors good
        assert error(integers, corrected) < 0.8 * error(plain, bias)
    else:
        np.testing.assert_array_equal(integers, plain)


def test_zeros_of_a_dense_layer_need_not_stay() -> None:
    weight, bias, moments = sparse_layer(np.random.default_rng(1), 0.9)
    integers, _ = rounding.round_weights(weight, bias, np.abs(weight).max(axis=1) / 127 * 4, moments)
    assert integers[weight == 0.0].any()


@pytest.mark.parametrize("with_moments", [False, True])
def test_codebook(with_moments: bool) -> None:
    """Only its values come out; weights that are its values at some scale per channel stay what they are."""
    random = np.random.default_rng(2)
    codebook = np.array([0, -127, -60, -31, -12, -5, 5, 11, 30, 66, 127, 90, -90, 20, -20, 2], np.float32)
    values = random.choice(codebook, (12, 40))
    values[0, np.abs(values[0]) > 70] = 66  # a channel without the largest
    real = random.uniform(0.001, 0.1, 12)
    weight, bias, moments = values * real[:, None], random.normal(size=12), sparse_layer(random, 1.0)[2]
    scale = fit_scales(weight, codebook)
    np.testing.assert_allclose(scale, real)
    given = moments if with_moments else None
    np.testing.assert_array_equal(rounding.round_weights(weight, bias, scale, given, codebook)[0], values)
    noisy = weight + random.normal(size=weight.shape) * real[:, None]
    assert np.isin(rounding.round_weights(noisy, bias, fit_scales(noisy, codebook), given, codebook)[0], codebook).all()
