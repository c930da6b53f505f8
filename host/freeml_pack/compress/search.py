"""The search for a small network: channels go, then weights, then bits, with training in between. Held-out samples decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from freeml_pack.build import Built
from freeml_pack.calibrate import calibrate
from freeml_pack.compress.bits import layers_in_bytes
from freeml_pack.compress.channels import ChannelGroups, remove_channels
from freeml_pack.compress.checkpoints import Checkpoints, State, fingerprint
from freeml_pack.compress.lessons import Lessons
from freeml_pack.compress.lowrank import Factors, factorise
from freeml_pack.compress.network import Network
from freeml_pack.compress.results import LayerResult, layer_results
from freeml_pack.compress.rooms import Rooms
from freeml_pack.compress.shrink import Limits, choose_channels, group_scores, weight_bytes, windows
from freeml_pack.compress.student import Coded, Sparse, channel_means, live_channels
from freeml_pack.compress.training import BeforeStep, Clock, Stage, judge, threads_for, train
from freeml_pack.data import Data, Split
from freeml_pack.errors import Interrupted
from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph
from freeml_pack.plan.allocate import allocate
from freeml_pack.progress import ProgressDisplay, Update
from freeml_pack.targets import Target

_SAMPLES_SEEN = 1_000_000  # in training, where --epochs does not say otherwise
_LEAST_EPOCHS, _MOST_EPOCHS = 30, 300
_STATISTICS = 1024  # samples for means, batch norms and scores
_ROUNDS = 3  # in which channels go
_CUTS = 4  # of a few channels more where the memories turn out to be too small still
_SHARES = (0.3, 0.4, 0.3)  # of the epochs: channels, weights, bits
_RATES = (2e-3, 3e-3, 1e-3)
_RAMP = 0.7  # share of the stage in which weights go
_MASK_EVERY = 0.005  # of the stage
_RUNG = 0.7  # sizes that are tried one after the other where only the loss of accuracy is limited
_RUNGS = 6
_USUAL_DROP = 1.0  # points
_FIRST_RATIO = 15  # of float32 bytes to the first of these sizes
_SAMPLES_BUILT = 64  # to learn a blob's size
_SAMPLES_MOMENTS = 512
_LOSS = 1e-3  # of a layer's squared output, where low rank saves bytes: training makes it good
_LOW_RANK_COSTS = 0.002  # of the held-out samples may get another answer by it


@dataclass(frozen=True)
class Goal:
    """Besides the target's memories. max_drop: points of accuracy; epochs: of training in all; None: as is usual. work_dir:
    where to keep what is needed to go on after an interruption."""

    max_drop: float | None = None
    epochs: int | None = None
    seed: int = 0
    work_dir: Path | None = None


@dataclass(frozen=True, eq=False)
class Compressed:
    graph: Graph  # float, with codings
    layers: tuple[LayerResult, ...]
    epochs: int  # of training, at most
    accuracy_before: float  # on the held-out samples, 0..1
    accuracy_after: float
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Candidate:
    graph: Graph  # float; with codings once it is finished
    left: dict[str, np.ndarray]  # by tensor: its channels, as the original counts them

    def without(self, keep: Mapping[str, np.ndarray], x: Tensor) -> _Candidate:
        """keep: by tensor, bool [C]."""
        graph = remove_channels(self.graph, keep, channel_means(self.graph, x))
        return _Candidate(graph, {name: channels[keep[name]] for name, channels in self.left.items()})


def compress(graph: Graph, data: Data, target: Target, goal: Goal, display: ProgressDisplay) -> Compressed:
    """graph: float, reading samples as the data has them; data: with labelled training samples. What it makes fits the target's
    memories as far as this can be had; the caller checks. PackError where the goal is out of reach."""
    assert data.train is not None
    try:
        with display.stage("compressing") as update, threads_for(graph.macs()):
            return _Search(graph, data.train, target, goal, update).run()
    except KeyboardInterrupt:
        if goal.work_dir:
            raise Interrupted(f"interrupted; the same command goes on from what {goal.work_dir} holds") from None
        raise Interrupted("interrupted; nothing was written (with --work-dir DIR a search can be continued)") from None


class _Search:
    def __init__(self, graph: Graph, split: Split, target: Target, goal: Goal, update: Update) -> None:
        assert split.y is not None
        self._graph, self._target, self._goal, self._update = graph, target, goal, update
        weights = [array for op in graph if isinstance(op, Conv2d | DepthwiseConv2d) for array in (op.weight, op.bias)]
        options = (goal.max_drop, goal.epochs, goal.seed, target)
        key = {"model": fingerprint(*weights), "data": fingerprint(split.x, split.y, split.normalisation), "options": options}
        self._checkpoints = Checkpoints(goal.work_dir, key)
        usual = int(np.clip(_SAMPLES_SEEN / len(split), _LEAST_EPOCHS, _MOST_EPOCHS))
        self._epochs = goal.epochs or usual
        self._lessons = Lessons(split, Network(graph), goal.seed, self._epochs)
        self._x, self._y = self._lessons.sample(_STATISTICS)
        self._rooms = Rooms(target, self._x[:_SAMPLES_BUILT])
        self._clock = Clock()
        self._done = 0  # epochs

    def run(self) -> Compressed:
        self._rooms.check_memories(self._graph)
        before = self._accuracy(self._graph)
        sizes = self._sizes()
        begin, factors = self._factorised(before)
        sparse = _Candidate(begin, {name: np.arange(tensor.shape[2]) for name, tensor in begin.tensors.items()})
        best: tuple[_Candidate, float] | None = None
        for rung, size in enumerate(sizes):
            shares = [max(1, round(share * self._epochs / len(sizes))) for share in _SHARES]
            sparse = self._with_fewer_channels(sparse, size, rung, shares[0])
            sparse = self._with_fewer_weights(sparse, size, rung, shares[1])
            in_bytes = self._in_bytes(sparse.graph, size, f"{rung}-bits")
            sparse = replace(sparse, graph=self._rooms.pruned(sparse.graph, size, in_bytes))
            coded = self._with_fewer_bits(sparse, f"{rung}-codes", shares[2], in_bytes)
            excess = len(self._rooms.built(coded.graph).blob) - size
            if excess > 0:  # codes that became equal in training may have changed an encoding
                sparse = replace(sparse, graph=self._rooms.pruned(sparse.graph, size - excess, in_bytes))
                coded = self._with_fewer_bits(sparse, f"{rung}-codes-again", shares[2], in_bytes)
            after = self._accuracy(coded.graph)
            if best is not None and 100 * (before - after) > self._max_drop:
                break
            best = (coded, after)
        assert best is not None
        candidate, after = best
        built = self._rooms.built(candidate.graph)
        layers = layer_results(begin, factors, candidate.graph, built, candidate.left, self._accuracy, before)
        return Compressed(candidate.graph, layers, self._epochs, before, after, self._notes(before, after, built))

    def _factorised(self, before: float) -> tuple[Graph, dict[str, Factors]]:
        """With layers of low rank in two or three, unless that costs held-out accuracy."""
        moments = calibrate(self._graph, self._x[:_SAMPLES_MOMENTS].numpy()).moments
        graph, factors = factorise(self._graph, moments, _LOSS)
        if factors and self._accuracy(graph) >= before - _LOW_RANK_COSTS:
            return graph, factors
        return self._graph, {}

    @property
    def _max_drop(self) -> float:
        return _USUAL_DROP if self._goal.max_drop is None else self._goal.max_drop

    def _accuracy(self, graph: Graph) -> float:
        return judge(Network(graph), self._lessons)

    def _sizes(self) -> list[int]:
        """Of the blobs to try, in bytes: what the target has room for, or ever smaller ones as long as the accuracy allows."""
        room = self._target.flash_bytes
        if room is not None and self._goal.max_drop is None:
            return [room]
        first = sum(4 * op.weight.size for op in self._graph if isinstance(op, Conv2d)) // _FIRST_RATIO
        return [round(min(first, room or first) * _RUNG**rung) for rung in range(_RUNGS)]

    def _with_fewer_channels(self, candidate: _Candidate, size: int, rung: int, epochs: int) -> _Candidate:
        rounds = min(_ROUNDS, epochs)
        for index in range(rounds):
            wanted = self._rooms.limits(candidate.graph, size)
            limits = _part_of_the_way(candidate.graph, wanted, 1 / (rounds - index))
            name = f"{rung}-channels-{index}"
            candidate = candidate.without(self._chosen(candidate.graph, limits, name), self._x)
            student = Sparse(candidate.graph, self._x, self._target)
            self._train(student, Stage(name, epochs // rounds, _RATES[0]), f"fewer channels, {index + 1} of {rounds}")
            candidate = replace(candidate, graph=student.network.to_graph())
        for index in range(_CUTS):
            limits = self._rooms.limits(candidate.graph, size)
            if limits.arena is None and limits.window is None:
                break
            candidate = candidate.without(self._chosen(candidate.graph, limits, f"{rung}-channels-cut-{index}"), self._x)
        return candidate

    def _chosen(self, graph: Graph, limits: Limits, name: str) -> dict[str, np.ndarray]:
        groups = ChannelGroups(graph)

        def choose() -> State:
            network = Network(graph)
            network.normalise(self._x)
            scores = group_scores(network, groups, self._x, self._y)
            return {"kept": torch.from_numpy(choose_channels(graph, scores, groups, limits))}

        return groups.keep(self._checkpoints.remember(f"{name}-chosen", choose)["kept"].numpy())

    def _with_fewer_weights(self, candidate: _Candidate, size: int, rung: int, epochs: int) -> _Candidate:
        room, blocks = self._rooms.for_constants(candidate.graph, size)
        student = Sparse(candidate.graph, self._x, self._target, blocks)
        masks, begin = student.masks, student.masks.kept
        final = masks.fit(room)
        masks.keep(begin)

        def prune(progress: float, before: float) -> None:
            if before < _RAMP <= progress:
                masks.fit(room)
            elif progress < _RAMP and int(progress / _MASK_EVERY) != int(before / _MASK_EVERY):
                masks.keep(round(final + (begin - final) * (1 - progress / _RAMP) ** 3))

        doing = f"fewer weights, {final:,} of {begin:,} will stay"
        self._train(student, Stage(f"{rung}-weights", epochs, _RATES[1]), doing, prune)
        if masks.bytes() > room:
            masks.fit(room)
        candidate = replace(candidate, graph=student.network.to_graph())
        return candidate.without(live_channels(candidate.graph), self._x)

    def _in_bytes(self, graph: Graph, size: int, name: str) -> frozenset[str]:
        """Layers whose weights are not coded, by the names of their outputs."""
        answers = self._lessons.answers(self._x)

        @torch.no_grad()
        def loss(graph: Graph) -> float:
            scores = torch.cat([Network(graph).eval()(part) for part in self._x.split(_STATISTICS // 4)])
            return float((scores - answers).square().mean())

        def choose() -> State:
            return {"layers": sorted(layers_in_bytes(graph, size, self._rooms, loss))}

        return frozenset(self._checkpoints.remember(name, choose)["layers"])

    def _with_fewer_bits(self, candidate: _Candidate, name: str, epochs: int, in_bytes: frozenset[str]) -> _Candidate:
        student = Coded(candidate.graph, self._x, self._target, in_bytes)
        self._train(student, Stage(name, epochs, _RATES[2], half=False), "fewer bits")
        return replace(candidate, graph=student.to_graph())

    def _train(self, student: nn.Module, stage: Stage, doing: str, before_step: BeforeStep = lambda *_: None) -> None:
        begun = self._done

        def tell(progress: float) -> None:
            done = min(1.0, (begun + progress * stage.epochs) / self._epochs)
            self._update(round(1000 * done), 1000, f"compressing: {doing}; {self._clock.left(done)}")

        train(student, self._lessons, replace(stage, first_epoch=begun), self._checkpoints, tell, before_step)
        self._done += stage.epochs

    def _notes(self, before: float, after: float, built: Built) -> tuple[str, ...]:
        notes = []
        lost = 100 * (before - after)
        if self._goal.max_drop is not None and lost > self._goal.max_drop:
            notes.append(
                f"compression costs {lost:.2f} points on held-out samples, more than --max-drop {self._goal.max_drop:g}: "
                "give it more --epochs or a larger --size."
            )
        return tuple(notes)


def _part_of_the_way(graph: Graph, limits: Limits, part: float) -> Limits:
    """Limits between what `graph` takes and what it may take, for the part 0..1 of the factors between them."""

    def between(now: float, limit: int | None) -> int | None:
        return None if limit is None else round(now ** (1 - part) * limit**part)

    weights = between(weight_bytes(graph), limits.weights)
    assert weights is not None
    return Limits(
        weights,
        between(allocate(graph)[2], limits.arena),
        between(max(windows(graph).values(), default=1), limits.window),
    )
