"""The method to compare with: SparseComp of FreeML (arXiv 2405.10426), from its description.

The large layers are factorised, the largest first. Then, again and again, the largest layer that is not fragile gets half its
density. After each such change the network is retrained, with all but the largest weights of each layer set to zero after every
optimiser step (iterative hard thresholding); a change that costs more than 5 points is undone, and the layer is fragile.

Sizes are those of its format, compressed sparse rows: a 16-bit value and a 16-bit index for each kept weight, 16-bit row
pointers. A layer that is smaller so is stored dense, 16 bits a weight.
"""

from __future__ import annotations

import copy
import hashlib
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from freeml_pack.data import Data
from torch import nn

from results.factorise import Layer, Ranks, bayes_ranks, factorised
from results.networks import Network
from results.train import Baseline, Samples, accuracy, channels_last, load, say, train_epoch, write_state

FRAGILE = 0.05  # accuracy that the compression of a layer may cost
LARGE = 0.1  # share of all weights from which on a layer is factorised
HELD_OUT = 0.1  # share of the training samples that decide what is fragile; they are not trained on
ROUNDS = 40  # that the budget of epochs is spread over, one epoch each at least
RATE = 0.5  # highest learning rate of a round, as a share of the one of training
SEED = 5


@dataclass(frozen=True)
class Point:
    """The network after a change and `epochs` of retraining in all. Accuracies are 0..1."""

    change: str
    kept: bool  # False: undone
    epochs: int
    bytes: int
    held_out: float
    test: float


@dataclass
class State:
    """What there is between two rounds. factors: of factorised layers, in the order of their making; densities: of layers below
    1; tried: layers that factorising was tried on."""

    module: nn.Module
    factors: dict[str, Ranks] = field(default_factory=dict)
    densities: dict[str, float] = field(default_factory=dict)
    fragile: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    curve: list[Point] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def layers(self) -> dict[str, Layer]:
        return {name: m for name, m in self.module.named_modules() if isinstance(m, nn.Conv1d | nn.Conv2d | nn.Linear)}

    @property
    def bytes(self) -> int:
        """With a 16-bit bias for each output that has one, or whose batch norm folds into one."""
        biases = [values.numel() for name, values in self.module.named_parameters() if name.endswith("bias")]
        return sum(csr_bytes(layer) for layer in self.layers.values()) + 2 * sum(biases)

    def factorise(self, name: str, ranks: Ranks) -> None:
        self.module.set_submodule(name, factorised(self.layers[name], ranks))
        self.factors[name] = ranks

    def threshold(self) -> None:
        """Sets all but the largest weights of the sparse layers to zero."""
        layers = self.layers
        with torch.no_grad():
            for name, density in self.densities.items():
                weight = layers[name].weight
                dropped = weight.numel() - max(1, round(density * weight.numel()))
                smallest = weight.abs().flatten().topk(dropped, largest=False, sorted=False).indices
                mask = torch.ones(weight.numel())
                mask[smallest] = 0.0
                weight.mul_(mask.reshape(weight.shape))


def csr_bytes(layer: Layer) -> int:
    """Weights as compressed sparse rows or dense, whichever is less."""
    weight = layer.weight
    kept, rows = int(weight.count_nonzero()), len(weight)
    return min(4 * kept + 2 * (rows + 1), 2 * weight.numel())


def sparsecomp(network: Network, trained: Baseline, data: Data, folder: Path, budget: int, target: int) -> list[Point]:
    """Compresses until `target` bytes are reached, `budget` epochs are spent or every layer is fragile; the way there,
    beginning with the trained network. Each round is kept in `folder`, and an interrupted call goes on from there."""
    retraining = Retraining(network, data, max(1, budget // ROUNDS))
    kept, key = folder / "sparsecomp.pt", _key(network, trained, retraining.epochs)
    state = _continue(kept, key, network, trained)
    if not state.curve:
        state.curve.append(retraining.measure(state, "trained", 0))
    while state.curve[-1].epochs + retraining.epochs <= budget and state.bytes > target:
        begun = time.monotonic()
        change = _next_change(state)
        if change is None:
            break
        state = _try(change, state, retraining)
        state.seconds += time.monotonic() - begun
        _keep(kept, key, state)
        _report(network, state, budget)
    return [point for point in state.curve if point.epochs <= budget]


class Retraining:
    """Rounds of so many epochs each, on the part of the training samples that is not held out."""

    def __init__(self, network: Network, data: Data, epochs: int) -> None:
        assert data.train is not None
        assert data.test is not None
        self.epochs, self.train, self.test = epochs, data.train, data.test
        order = np.random.default_rng(SEED).permutation(len(data.train))
        self.held_out, chosen = np.split(order, [round(HELD_OUT * len(order))])
        recipe = network.recipe
        self.samples = Samples(data.train, chosen, network.dataset.augment, recipe.batch, recipe.label_smoothing)
        self.rate = RATE * recipe.rate

    def run(self, state: State, seed: int) -> None:
        """One round; the learning rate falls to zero."""
        state.threshold()
        optimizer = torch.optim.AdamW(state.module.parameters(), self.rate)
        falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, self.epochs * self.samples.steps)

        def after_step() -> None:
            state.threshold()
            falling.step()

        for epoch in range(self.epochs):
            train_epoch(state.module, self.samples, seed + epoch, optimizer, after_step)

    def measure(self, state: State, change: str, epochs: int) -> Point:
        held_out = accuracy(state.module, self.train, self.held_out)
        return Point(change, True, epochs, state.bytes, held_out, accuracy(state.module, self.test))


@dataclass(frozen=True)
class Change:
    """To one layer: its factors, or else its density."""

    layer: str
    ranks: Ranks | None
    density: float = 1.0

    def __str__(self) -> str:
        return f"{self.layer} to " + (f"rank {'x'.join(map(str, self.ranks))}" if self.ranks else f"density {self.density:g}")

    def apply(self, state: State) -> None:
        if self.ranks:
            state.factorise(self.layer, self.ranks)
        else:
            state.densities[self.layer] = self.density


def _next_change(state: State) -> Change | None:
    """None where every layer is fragile."""
    layers = state.layers
    by_size = sorted(layers, key=lambda name: -csr_bytes(layers[name]))
    large = LARGE * sum(layer.weight.numel() for layer in layers.values())
    for name in by_size:
        if layers[name].weight.numel() >= large and not any(f"{name}.".startswith(f"{tried}.") for tried in state.tried):
            state.tried.append(name)
            ranks = bayes_ranks(layers[name])
            if _fewer(layers[name], ranks):
                return Change(name, ranks)
    for name in by_size:
        if name not in state.fragile:
            return Change(name, None, state.densities.get(name, 1.0) / 2)
    return None


def _fewer(layer: Layer, ranks: Ranks) -> bool:
    """Whether the factors have fewer weights than the layer."""
    outputs, inputs, *kernel = layer.weight.shape
    if isinstance(layer, nn.Linear):
        return ranks[0] * (inputs + outputs) < inputs * outputs
    window = int(np.prod(kernel))
    return inputs * ranks[0] + ranks[0] * ranks[1] * window + ranks[1] * outputs < inputs * outputs * window


def _try(change: Change, state: State, retraining: Retraining) -> State:
    """The state after the change, or as it was with the layer called fragile."""
    candidate = copy.deepcopy(state)
    change.apply(candidate)
    done = state.curve[-1].epochs
    retraining.run(candidate, SEED * 10_000 + done)
    point = retraining.measure(candidate, str(change), done + retraining.epochs)
    before = [point for point in state.curve if point.kept][-1].held_out
    if point.held_out >= before - FRAGILE:
        candidate.curve.append(point)
        return candidate
    if change.ranks is None:
        state.fragile.append(change.layer)
    state.curve.append(replace(point, kept=False))
    return state


def _report(network: Network, state: State, budget: int) -> None:
    point = state.curve[-1]
    done = f"{network.name}: SparseComp, {point.epochs} of {budget} epochs, {point.change}{'' if point.kept else ' undone'}"
    left = state.seconds / point.epochs * (budget - point.epochs) / 60
    say(f"{done}, {point.bytes:,} bytes, held-out {point.held_out:.2%}, test {point.test:.2%}, at most {left:.0f} min left")


def _key(network: Network, trained: Baseline, epochs: int) -> str:
    """Of everything that decides the rounds; their number does not."""
    decides = (trained.weights.read_bytes(), epochs, network.recipe, FRAGILE, LARGE, HELD_OUT, RATE, SEED)
    return hashlib.sha256(repr(decides).encode()).hexdigest()[:16]


def _keep(kept: Path, key: str, state: State) -> None:
    content = {**vars(state), "key": key, "curve": [asdict(point) for point in state.curve]}
    write_state(kept, {**content, "module": state.module.state_dict()})


def _continue(kept: Path, key: str, network: Network, trained: Baseline) -> State:
    state = State(channels_last(load(network, trained.weights)))
    found = torch.load(kept, weights_only=True) if kept.exists() else {}
    if found.pop("key", None) != key:
        return state
    for name, ranks in found.pop("factors").items():
        state.factorise(name, ranks)
    state.module.load_state_dict(found.pop("module"))
    curve = [Point(**point) for point in found.pop("curve")]
    return replace(state, curve=curve, **found)
