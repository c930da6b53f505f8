"""Samples are moved, mirrored, mixed and disturbed as they should be, in every layout; and always in the same way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from freeml_pack.compress.variation import Variation, disturbed, harmless_variation, varied
from freeml_pack.data.layout import Layout

CHANNELS_LAST = Layout((6, 5, 3), (3, 6, 5), (2, 0, 1))
LAYOUTS = {
    "channels first": Layout((3, 6, 5), (3, 6, 5), None),
    "channels last": CHANNELS_LAST,
    "flat": Layout((7,), (7,), None),
}


def samples(layout: Layout, count: int = 200) -> torch.Tensor:
    return torch.randn(count, *layout.stored, generator=torch.Generator().manual_seed(0))


def test_moved_and_mirrored() -> None:
    """In channels last, against slices."""
    x = samples(CHANNELS_LAST)
    moved = varied(x, CHANNELS_LAST, Variation((1, 0), flip=True), np.random.default_rng(0))
    down = torch.cat([x[:, 1:], x[:, 5:]], 1)
    up = torch.cat([x[:, :1], x[:, :5]], 1)
    ways = [way.flip(2) if flip else way for way in (x, down, up) for flip in (False, True)]
    which = torch.stack([(moved == way).all(dim=(1, 2, 3)) for way in ways])
    assert (which.sum(0) == 1).all()
    assert (which.sum(1) > 15).all()  # of 200 in six ways


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_disturbed(layout: Layout) -> None:
    x, chosen = samples(layout), np.arange(200) % 2 == 0
    shares = torch.eye(4)[torch.arange(200) % 4]
    made, made_shares = disturbed(x, shares, layout, chosen, np.random.default_rng(1))
    again, _ = disturbed(x, shares, layout, chosen, np.random.default_rng(1))
    assert torch.equal(made, again)
    assert torch.equal(made[1::2], x[1::2])
    assert torch.equal(made_shares[1::2], shares[1::2])
    assert not (made[::2] == x[::2]).flatten(1).all(1).any()
    torch.testing.assert_close(made_shares.sum(1), torch.ones(200))
    assert 20 < (made_shares.amax(1) < 0.999).sum() < 50  # half of the chosen hundred, less those mixed with their like
    distance = (made - x)[::2].flatten(1).norm(dim=1) / x[::2].flatten(1).norm(dim=1)
    assert 0.1 < distance.median() < 1.2


def test_only_what_the_original_does_not_mind() -> None:
    """It looks at the first row: samples may be moved along it, hardly across it, and not mirrored."""
    layout = Layout((1, 16, 16), (1, 16, 16), None)
    x = torch.zeros(50, *layout.stored)
    x[:, 0, :4, 8:] = 1

    def right(seen: torch.Tensor) -> float:
        return float(
            (seen[:, 0, 0, 14] == 1).float().mean() * (seen[:, 0, 0, 3] == 0).float().mean() * (seen[:, 0, 5] == 0).all()
        )

    assert harmless_variation(x, layout, right) == Variation((1, 2), flip=False)
