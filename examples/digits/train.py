#!/usr/bin/env python3
"""Trains the digits network and writes digits_cnn.pt beside this file. Takes well under a minute; the file is committed,
so nobody needs to."""

from __future__ import annotations

from pathlib import Path

import data
import torch
from network import DigitsNet
from torch.nn import functional

CHECKPOINT = Path(__file__).resolve().parent / "digits_cnn.pt"
EPOCHS = 60
BATCH = 64
SEED = 7


def main() -> None:
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    arrays = {name: torch.from_numpy(array) for name, array in data.load().items()}
    network = DigitsNet()
    train(network, arrays["x_train"].float(), arrays["y_train"].long())
    network.eval()
    with torch.no_grad():
        correct = (network(arrays["x_test"].float()).argmax(1) == arrays["y_test"]).float().mean().item()
    program = torch.export.export(network, (torch.zeros(1, *data.SHAPE),))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # it names folders of this computer
    with CHECKPOINT.open("wb") as file:
        torch.export.save(program, file)
    print(f"\ntest accuracy {correct:.2%}; wrote {CHECKPOINT.name}, {CHECKPOINT.stat().st_size} bytes")


def train(network: DigitsNet, x: torch.Tensor, y: torch.Tensor) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=EPOCHS * -(-len(x) // BATCH))
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(BATCH):
            loss = functional.cross_entropy(network(varied(x[batch])), y[batch], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"\repoch {epoch + 1}/{EPOCHS}  loss {loss.item():.3f}", end="", flush=True)


def varied(images: torch.Tensor) -> torch.Tensor:
    """Each image turned, moved and stretched a little: the writers of the test images have other habits."""
    turn = 0.15 * torch.randn(len(images))
    size = 1.0 + 0.08 * torch.randn(len(images), 2)
    move = 0.10 * torch.randn(len(images), 2)
    rows = torch.stack([turn.cos() * size[:, 0], -turn.sin(), move[:, 0], turn.sin(), turn.cos() * size[:, 1], move[:, 1]], 1)
    grid = functional.affine_grid(rows.reshape(-1, 2, 3), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


if __name__ == "__main__":
    main()
