"""What training has decided survives quantization to the last bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from freeml_pack.compress.codes import Bytes, Codes
from freeml_pack.graph import Quant
from freeml_pack.quantize.conv import quantize_conv


def moments(taps: int) -> np.ndarray:
    """Second moments of correlated inputs: rounding has a reason to move every weight."""
    x = np.random.default_rng(1).normal(size=(3 * taps, taps + 1)).cumsum(axis=1)
    return (x.T @ x)[None].astype(np.float32)


@pytest.mark.parametrize(("density", "taps"), list(itertools.product((0.05, 0.4, 1.0), (9, 300))))
def test_quantization_keeps_trained_weights(density: float, taps: int) -> None:
    generator = torch.Generator().manual_seed(int(100 * density) + taps)
    weight = torch.randn(6, taps, generator=generator) * torch.tensor([0.05, 0.1, 0.2, 0.5, 1.0, 3.0])[:, None]
    mask = (torch.rand(6, taps, generator=generator) < density).float()
    mask[2] = 0
    codes, in_bytes = Codes(weight, mask), Bytes(mask)
    for view, codebook in ((codes, codes.codebook()), (in_bytes, None)):
        real = view(weight).detach().numpy()
        constants = quantize_conv(real, np.full(6, 0.3), moments(taps), Quant(0.02, -5), Quant(0.05, 3), 3, codebook)
        stored = constants.weight * constants.weight_scale[:, None]
        np.testing.assert_allclose(stored, real, rtol=1e-5, atol=1e-6 * np.abs(real).max())
        assert not constants.weight[mask.numpy() == 0].any()
        if codebook is not None:
            assert set(constants.weight.ravel().tolist()) <= set(codebook.tolist())


def test_codes_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(8, 200, generator=generator)
    weight = torch.nn.Parameter(target + 0.3 * torch.randn(8, 200, generator=generator))
    codes = Codes(weight, torch.ones(8, 200))
    optimizer = torch.optim.Adam([weight, *codes.parameters()], lr=0.01)
    losses = []
    for _ in range(100):
        loss = (codes(weight) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
