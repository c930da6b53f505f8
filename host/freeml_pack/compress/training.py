"""The training loop: one stage of a search, epoch by epoch, each kept in the work folder."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from freeml_pack.compress.checkpoints import Checkpoints
from freeml_pack.compress.lessons import Lessons, accuracy, distillation_loss

_BATCH = 64
_WARM_UP = 0.1  # share of a stage in which the learning rate rises
_TEMPERATURE, _TRUST = 3.0, 0.7  # of the original's answers
_SMALL_BATCHES = 20  # an epoch has at least so many steps, if its batches have 16 samples or more
_MACS_PER_THREAD = 1_000_000
_CHUNK = 256  # samples that are judged at once

Tell = Callable[[float], None]
"""Called with how much of a stage is done, 0..1."""
BeforeStep = Callable[[float, float], None]
"""Called with how much of a stage is done, and how much was done a step before, less than 0 at the first."""


@dataclass(frozen=True)
class Stage:
    name: str  # of its checkpoint
    epochs: int
    rate: float  # highest learning rate
    first_epoch: int = 0  # of the search; decides what the batches are
    half: bool = True  # whether convolutions may compute in bfloat16


def train(
    student: nn.Module,
    lessons: Lessons,
    stage: Stage,
    checkpoints: Checkpoints,
    tell: Tell,
    before_step: BeforeStep = lambda *_: None,
) -> None:
    """Adam with one cycle of the learning rate.

    A stage that the checkpoints have seen begin or end goes on from there, with the same result."""
    optimizer = torch.optim.Adam(student.parameters(), lr=stage.rate)
    state = checkpoints.load(stage.name)
    done = 0
    if state is not None:
        student.load_state_dict(state["student"])
        done = int(state["epochs"])
        if done < stage.epochs:
            optimizer.load_state_dict(state["optimizer"])
    student.train()
    for epoch in range(done, stage.epochs):
        _epoch(student, lessons, stage, epoch, optimizer, tell, before_step)
        kept = {"epochs": epoch + 1, "student": student.state_dict(), "optimizer": optimizer.state_dict()}
        if epoch + 1 == stage.epochs:
            del kept["optimizer"]
        checkpoints.save(stage.name, kept)
    student.eval()


def _epoch(
    student: nn.Module,
    lessons: Lessons,
    stage: Stage,
    epoch: int,
    optimizer: torch.optim.Optimizer,
    tell: Tell,
    before_step: BeforeStep,
) -> None:
    size = max(16, min(_BATCH, len(lessons) // _SMALL_BATCHES))
    steps = max(1, len(lessons) // size)
    half = stage.half and has_fast_bfloat16()
    for step, (x, shares, answers) in enumerate(lessons.batches(size, stage.first_epoch + epoch)):
        progress = (epoch + step / steps) / stage.epochs
        for group in optimizer.param_groups:
            group["lr"] = stage.rate * _cycle(progress)
        before_step(progress, progress - 1 / (steps * stage.epochs))
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            scores = student(x)
        loss = distillation_loss(scores.float(), shares, answers, _TEMPERATURE, _TRUST)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tell(progress)


def _cycle(progress: float) -> float:
    """Rises in a straight line, falls as a cosine: Smith and Topin, "Super-convergence", 2018."""
    if progress < _WARM_UP:
        return 0.05 + 0.95 * progress / _WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (progress - _WARM_UP) / (1 - _WARM_UP)))


@contextmanager
def threads_for(macs: int) -> Iterator[None]:
    """So many threads as a network of so many multiply-accumulates is worth: of small ones, handing out the work takes longer
    than doing it."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, max(1, macs // _MACS_PER_THREAD)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def has_fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself; convolutions then take half the time."""
    check = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(check and check())


@torch.no_grad()
def judge(student: nn.Module, lessons: Lessons) -> float:
    """Accuracy on the held-out samples, 0..1."""
    student.eval()
    return accuracy(torch.cat([student(part) for part in lessons.judged_x.split(_CHUNK)]), lessons.judged_y)


class Clock:
    """How long is left, from how long the work so far took."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def left(self, done: float) -> str:
        """done: 0..1."""
        if done <= 0.01:
            return ""
        seconds = (time.monotonic() - self._began) * (1 - done) / done
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"
