#!/usr/bin/env python3
"""Trains a small network on scikit-learn's handwritten digits: 8x8 pixels, 0..16. Takes well under a minute.

usage: train.py [--data-only]

Writes digits_cnn.pt beside this file (it is committed, so nobody needs to train) and the data, as freeml-pack wants it,
to build/digits.npz. --data-only writes the data alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from network import DigitsNet
from sklearn.datasets import load_digits

HERE = Path(__file__).resolve().parent
CHECKPOINT = HERE / "digits_cnn.pt"
DATA = HERE.parents[1] / "build" / "digits.npz"
SHAPE = (1, 8, 8)
TEST_IMAGES = 300  # the last ones: written by other people than the first
EPOCHS = 60
BATCH = 64
SEED = 7


def load() -> dict[str, np.ndarray]:
    """x_train, x_test: uint8 [N, 1, 8, 8] of 0..16; y_train, y_test: uint8 [N] of 0..9."""
    images, labels = load_digits(return_X_y=True)
    x = images.astype(np.uint8).reshape(-1, *SHAPE)
    y = labels.astype(np.uint8)
    return {"x_train": x[:-TEST_IMAGES], "y_train": y[:-TEST_IMAGES], "x_test": x[-TEST_IMAGES:], "y_test": y[-TEST_IMAGES:]}


def write_data(path: Path = DATA) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **load())
    return path


def train() -> None:
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    data = load()
    x_train, x_test = (torch.from_numpy(data[key]).float() for key in ("x_train", "x_test"))
    y_train, y_test = (torch.from_numpy(data[key]).long() for key in ("y_train", "y_test"))

    network = DigitsNet()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    batches = -(-len(x_train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=EPOCHS * batches)
    for epoch in range(EPOCHS):
        network.train()
        for picked in torch.randperm(len(x_train)).split(BATCH):
            loss = torch.nn.functional.cross_entropy(network(varied(x_train[picked])), y_train[picked], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"\repoch {epoch + 1}/{EPOCHS}  loss {loss.item():.3f}", end="", flush=True)

    network.eval()
    with torch.no_grad():
        correct = (network(x_test).argmax(1) == y_test).float().mean().item()
    program = torch.export.export(network, (torch.zeros(1, *SHAPE),))
    with CHECKPOINT.open("wb") as file:
        torch.export.save(program, file)
    print(f"\ntest accuracy {correct:.2%}; wrote {CHECKPOINT.name}, {CHECKPOINT.stat().st_size} bytes")


def varied(images: torch.Tensor) -> torch.Tensor:
    """Each image turned, moved and stretched a little: the writers of the test images have other habits."""
    turn = 0.15 * torch.randn(len(images))
    size = 1.0 + 0.08 * torch.randn(len(images), 2)
    move = 0.10 * torch.randn(len(images), 2)
    rows = torch.stack([turn.cos() * size[:, 0], -turn.sin(), move[:, 0], turn.sin(), turn.cos() * size[:, 1], move[:, 1]], 1)
    grid = torch.nn.functional.affine_grid(rows.reshape(-1, 2, 3), list(images.shape), align_corners=False)
    return torch.nn.functional.grid_sample(images, grid, align_corners=False)


if __name__ == "__main__":
    print(f"wrote {write_data()}")
    if sys.argv[1:] != ["--data-only"]:
        train()
