"""What a student network learns from: training samples, varied and mixed, with their labels and the original's own scores
(Hinton et al., "Distilling the Knowledge in a Neural Network", 2015).

The original answers every sample as it was varied, so that it can be varied far: with few samples, those that it has learned by
heart tell little of what it knows (Beyer et al., "Knowledge distillation: A good teacher is patient and consistent", 2022)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from freeml_pack.compress.network import Network
from freeml_pack.compress.variation import disturbed, harmless_variation, varied
from freeml_pack.data import Split

_HELD_OUT = 0.1  # share of the training samples that decides, never trained on
_MOST_HELD_OUT = 2000
_UNDISTURBED = 50  # times that each sample is seen as it is, or as it is varied
_CHUNK = 256  # samples that the original network answers at once


class Lessons:
    """Batches of the training part; the held-out part to judge by. All samples are in the layout of the file, normalised.
    epochs: of training in all. Those that are seen often are disturbed, lest they be learned by heart."""

    def __init__(self, split: Split, original: Network, seed: int, epochs: int) -> None:
        assert split.y is not None
        self._split, self._original, self._seed = split, original.eval(), seed
        order = np.random.default_rng(seed).permutation(len(split))
        held_out = min(int(len(split) * _HELD_OUT), _MOST_HELD_OUT)
        self._train = np.sort(order[held_out:])
        self._labels = torch.from_numpy(split.y)
        judged = np.sort(order[:held_out])
        self.judged_x, self.judged_y = torch.from_numpy(split.values(judged)), self._labels[judged]
        self.judged_scores = self.answers(self.judged_x)
        self._disturbed = max(0.0, 1 - _UNDISTURBED / epochs)
        self._outputs = self.judged_scores.shape[1]
        self.variation = harmless_variation(self.judged_x, split.layout, lambda x: accuracy(self.answers(x), self.judged_y))

    def __len__(self) -> int:
        """Training samples."""
        return len(self._train)

    def sample(self, count: int) -> tuple[Tensor, Tensor]:
        """The first so many training samples in a seeded order, and their labels."""
        chosen = np.random.default_rng(self._seed).permutation(self._train)[:count]
        return torch.from_numpy(self._split.values(chosen)), self._labels[chosen]

    def batches(self, size: int, epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Samples; labels, as shares [N, outputs]; the original's scores. The same for the same seed and epoch."""
        random, layout = np.random.default_rng((self._seed, epoch)), self._split.layout
        order = random.permutation(len(self._train))
        for begin in range(0, len(order) - len(order) % size or len(order), size):
            places = self._train[order[begin : begin + size]]
            x = varied(torch.from_numpy(self._split.values(places)), layout, self.variation, random)
            x, shares = disturbed(x, self._shares(places), layout, random.random(len(x)) < self._disturbed, random)
            yield x, shares, self.answers(x)

    def _shares(self, places: np.ndarray) -> Tensor:
        """[N, outputs] of labels, 0 or 1; a single output means yes."""
        labels = self._labels[places]
        if self._outputs == 1:
            return labels[:, None].float()
        return functional.one_hot(labels, self._outputs).float()

    @torch.no_grad()
    def answers(self, x: Tensor) -> Tensor:
        """Scores of the original for x [N, *layout.stored]."""
        return torch.cat([self._original(part) for part in x.split(_CHUNK)])


def accuracy(scores: Tensor, labels: Tensor) -> float:
    """Share of right answers; one score says yes where it is positive."""
    chosen = scores.argmax(1) if scores.shape[1] > 1 else (scores[:, 0] > 0).long()
    return float((chosen == labels).float().mean())


def distillation_loss(scores: Tensor, shares: Tensor, answers: Tensor, temperature: float, trust: float) -> Tensor:
    """shares: [N, outputs], of the labels; trust: 0..1, share of the original's answers in what is learned; the rest is the
    labels'."""
    if scores.shape[1] == 1:
        target = trust * torch.sigmoid(answers) + (1 - trust) * shares
        return functional.binary_cross_entropy_with_logits(scores, target)
    soft = functional.log_softmax(answers / temperature, 1)
    student = functional.log_softmax(scores / temperature, 1)
    imitate = functional.kl_div(student, soft, log_target=True, reduction="batchmean") * temperature**2
    return trust * imitate + (1 - trust) * functional.cross_entropy(scores, shares)
