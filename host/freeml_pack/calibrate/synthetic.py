"""Inputs for calibration without data: half coloured noise, half dead leaves (Lee, Mumford, Huang, "Occlusion Models for
Natural Images", 2001), so that smooth areas, textures and edges all occur."""

from __future__ import annotations

import numpy as np

REACH = 3.0  # the input is taken to lie within -REACH..REACH: standardised, as nearly all networks are trained


def synthetic_inputs(shape: tuple[int, ...], count: int = 64, seed: int = 0) -> np.ndarray:
    """float32 [count, *shape] within -REACH..REACH. The first axis of shape is the channels, the others space; a vector of
    features is white noise."""
    random = np.random.default_rng(seed)
    if len(shape) == 1:
        samples = random.normal(size=(count, *shape))
    else:
        samples = np.stack([(_coloured_noise if i % 2 else _dead_leaves)(random, shape) for i in range(count)])
    return np.clip(samples, -REACH, REACH).astype(np.float32)


def _coloured_noise(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Amplitude falls with the frequency f as f^0 to f^-2 (natural images: about f^-1); channels alike but not equal; some
    brightness; unit power at most."""
    space, axes = shape[1:], tuple(range(1, len(shape)))
    frequency = np.sqrt(sum(np.square(f) for f in np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in space), indexing="ij")))
    fall = random.uniform(0.0, 2.0)
    noise = random.normal(size=(1, *space)) + 0.5 * random.normal(size=shape)
    coloured = np.fft.ifftn(np.fft.fftn(noise, axes=axes) / np.maximum(frequency, 1.0) ** fall, axes=axes).real
    coloured = coloured / (coloured.std() + 1e-9) + 0.7 * random.normal()
    return coloured / max(1.0, float(np.sqrt(np.square(coloured).mean())))


def _dead_leaves(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Boxes of one value per channel that hide one another, small ones more often than large ones; high contrast."""
    sample = np.zeros(shape)
    for _ in range(random.integers(5, 60)):
        box: list[slice] = [slice(None)]
        for length in shape[1:]:
            side = max(1, int(length * min(1.0, 0.04 * random.uniform(0.05, 1.0) ** -1.5)))
            begin = int(random.integers(-(side // 2), length))
            box.append(slice(max(begin, 0), max(begin + side, 1)))
        value = random.uniform(-1.0, 1.0) + 0.3 * random.uniform(-1.0, 1.0, shape[0])
        sample[tuple(box)] = value.reshape(-1, *[1] * (len(shape) - 1))
    return sample * random.uniform(0.5, 1.0) * 1.5 / max(float(sample.std()), 0.3)
