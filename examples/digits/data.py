#!/usr/bin/env python3
"""scikit-learn's handwritten digits, 8x8 pixels of 0..16, as the .npz file that freeml-pack reads.

usage: data.py [FILE.npz]        default: build/digits.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

FILE = Path(__file__).resolve().parents[2] / "build" / "digits.npz"
SHAPE = (1, 8, 8)
TEST_IMAGES = 300  # the last ones: written by other people than the first


def load() -> dict[str, np.ndarray]:
    """x_train, x_test: uint8 [N, 1, 8, 8] of 0..16; y_train, y_test: uint8 [N] of 0..9."""
    images, labels = load_digits(return_X_y=True)
    x = images.astype(np.uint8).reshape(-1, *SHAPE)
    y = labels.astype(np.uint8)
    return {"x_train": x[:-TEST_IMAGES], "y_train": y[:-TEST_IMAGES], "x_test": x[-TEST_IMAGES:], "y_test": y[-TEST_IMAGES:]}


def write(path: Path = FILE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, allow_pickle=False, **load())
    return path


if __name__ == "__main__":
    print(f"wrote {write(*map(Path, sys.argv[1:]))}")
