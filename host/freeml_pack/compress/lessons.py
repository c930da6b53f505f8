"""What a student network learns from: training samples, varied where the original network does not mind, with their labels and
the original's own scores (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from freeml_pack.compress.network import Network
from freeml_pack.data import Split

_HELD_OUT = 0.1  # share of the training samples that decides, never trained on
_MOST_HELD_OUT = 2000
_CHUNK = 256  # samples that the original network answers at once
_VARIANTS = 8  # of all samples, one per epoch and over again: so the original need not answer in every epoch
_MIND = 0.02  # share of held-out answers that may become wrong by varying samples
_SHIFTS = (0.125, 0.0625)  # of an axis, tried in this order


@dataclass(frozen=True)
class Variation:
    """shift: most places along each axis behind the first of the model's input; flip: whether the last axis may be turned."""

    shift: tuple[int, ...] = ()
    flip: bool = False


class Lessons:
    """Batches of the training part; the held-out part to judge by. All samples are in the layout of the file, normalised."""

    def __init__(self, split: Split, original: Network, seed: int) -> None:
        assert split.y is not None
        self._split, self._original, self._seed = split, original.eval(), seed
        order = np.random.default_rng(seed).permutation(len(split))
        held_out = min(int(len(split) * _HELD_OUT), _MOST_HELD_OUT)
        self._train = np.sort(order[held_out:])
        self._labels = torch.from_numpy(split.y)
        judged = np.sort(order[:held_out])
        self.judged_x, self.judged_y = torch.from_numpy(split.values(judged)), self._labels[judged]
        self.judged_scores = self._answers(self.judged_x)
        self.variation = self._harmless_variation()
        self._plan = self._variants()
        self._answered: dict[int, Tensor] = {}

    def __len__(self) -> int:
        """Training samples."""
        return len(self._train)

    def sample(self, count: int) -> tuple[Tensor, Tensor]:
        """The first so many training samples in a seeded order, and their labels."""
        chosen = np.random.default_rng(self._seed).permutation(self._train)[:count]
        return torch.from_numpy(self._split.values(chosen)), self._labels[chosen]

    def batches(self, size: int, epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Samples, labels and the original's scores; the same for the same seed and epoch."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._train))
        variant = epoch % len(self._plan)
        answers = self._answers_to(variant)
        for begin in range(0, len(order) - len(order) % size or len(order), size):
            chosen = order[begin : begin + size]
            places = self._train[chosen]
            yield self._varied(places, variant), self._labels[places], answers[chosen]

    def _varied(self, places: np.ndarray, variant: int) -> Tensor:
        return self._vary(torch.from_numpy(self._split.values(places)), *self._plan[variant])

    def _answers_to(self, variant: int) -> Tensor:
        """To all training samples, in their order, whatever batches they come in: the last bits depend on it."""
        if variant not in self._answered:
            parts = [self._train[begin : begin + _CHUNK] for begin in range(0, len(self._train), _CHUNK)]
            self._answered[variant] = torch.cat([self._answers(self._varied(part, variant)) for part in parts])
        return self._answered[variant]

    @torch.no_grad()
    def _answers(self, x: Tensor) -> Tensor:
        return torch.cat([self._original(part) for part in x.split(_CHUNK)])

    def _variants(self) -> list[tuple[tuple[int, ...], bool]]:
        """(shift, flip) of each variant; the first is the sample itself."""
        if self.variation == Variation():
            return [((), False)]
        random = np.random.default_rng(self._seed)
        plans: list[tuple[tuple[int, ...], bool]] = [((), False)]
        for index in range(1, _VARIANTS):
            shift = tuple(int(random.integers(-most, most + 1)) for most in self.variation.shift)
            plans.append((shift, self.variation.flip and index % 2 == 1))
        return plans

    def _harmless_variation(self) -> Variation:
        """What the original network does not mind on the held-out samples."""
        axes = self._split.layout.model[1:]
        if not axes or not len(self.judged_x):
            return Variation()
        right = self._right(self.judged_x)
        flip = len(axes) == 2 and self._right(self._vary(self.judged_x, (), True)) >= right - _MIND
        for share in _SHIFTS:
            shift = tuple(round(share * size) for size in axes)
            signs = [tuple(s if (corner >> i) & 1 else -s for i, s in enumerate(shift)) for corner in range(2 ** len(axes))]
            if any(shift) and min(self._right(self._vary(self.judged_x, s, False)) for s in signs) >= right - _MIND:
                return Variation(shift, flip)
        return Variation((), flip)

    def _right(self, x: Tensor) -> float:
        return accuracy(self._answers(x), self.judged_y)

    def _vary(self, x: Tensor, shift: tuple[int, ...], flip: bool) -> Tensor:
        """x: [N, *layout.stored]; what a shift brings in is what lies at the border."""
        if not flip and not any(shift):
            return x
        layout = self._split.layout
        axes = layout.axes
        moved = x if axes is None else x.permute(0, *(axis + 1 for axis in axes))
        moved = moved.reshape(len(x), *layout.model)
        for axis, places in enumerate(shift):
            index = (torch.arange(moved.shape[axis + 2]) + places).clamp(0, moved.shape[axis + 2] - 1)
            moved = moved.index_select(axis + 2, index)
        if flip:
            moved = moved.flip(-1)
        if axes is None:
            return moved.reshape(x.shape)
        return moved.permute(0, *(int(axis) + 1 for axis in np.argsort(axes))).contiguous()


def accuracy(scores: Tensor, labels: Tensor) -> float:
    """Share of right answers; one score says yes where it is positive."""
    chosen = scores.argmax(1) if scores.shape[1] > 1 else (scores[:, 0] > 0).long()
    return float((chosen == labels).float().mean())


def distillation_loss(scores: Tensor, labels: Tensor, answers: Tensor, temperature: float, trust: float) -> Tensor:
    """trust: 0..1, share of the original's answers in what is learned; the rest is the labels'."""
    if scores.shape[1] == 1:
        soft = torch.sigmoid(answers)
        target = trust * soft + (1 - trust) * labels[:, None].float()
        return functional.binary_cross_entropy_with_logits(scores, target)
    soft = functional.log_softmax(answers / temperature, 1)
    student = functional.log_softmax(scores / temperature, 1)
    imitate = functional.kl_div(student, soft, log_target=True, reduction="batchmean") * temperature**2
    return trust * imitate + (1 - trust) * functional.cross_entropy(scores, labels)
