"""Inputs for calibration without data."""

from __future__ import annotations

import numpy as np

REACH = 3.0  # the input is taken to lie within -REACH..REACH: standardised, as nearly all networks are trained


def synthetic_inputs(shape: tuple[int, ...], count: int = 64, seed: int = 0) -> np.ndarray:
    """float32 [count, *shape]: noise whose amplitude falls with the frequency f as f^0 to f^-2 (natural images: about
    f^-1), alike but not equal in all channels, each with its own brightness; unit power at most. The first axis of
    shape is the channels; a vector of features is white."""
    random = np.random.default_rng(seed)
    channels, *space = shape if len(shape) > 1 else (1, *shape)
    frequency = np.sqrt(sum(np.square(f) for f in np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in space), indexing="ij")))
    axes = tuple(range(1, len(space) + 1))
    inputs = np.empty((count, channels, *space), np.float32)
    for sample in inputs:
        fall = random.uniform(0.0, 2.0) if len(shape) > 1 else 0.0
        noise = random.normal(size=(1, *space)) + 0.5 * random.normal(size=(channels, *space))
        coloured = np.fft.ifftn(np.fft.fftn(noise, axes=axes) / np.maximum(frequency, 1.0) ** fall, axes=axes).real
        coloured = coloured / (coloured.std() + 1e-12) + 0.7 * random.normal()
        sample[...] = coloured / max(1.0, np.sqrt(np.square(coloured).mean()))
    return np.clip(inputs, -REACH, REACH).reshape(count, *shape)
