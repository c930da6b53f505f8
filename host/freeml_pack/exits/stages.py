"""What the packer does about early exits, in order: train a head, build with it, set thresholds, measure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from freeml_pack.build import Built, with_exits
from freeml_pack.calibrate import Progress
from freeml_pack.data import Split
from freeml_pack.exit_head import Depth
from freeml_pack.exits.calibrate import calibration_error, fit_temperature
from freeml_pack.exits.choose import Place, choose
from freeml_pack.exits.features import look
from freeml_pack.exits.thresholds import choose_thresholds, leave
from freeml_pack.exits.train import float_scores, train
from freeml_pack.graph import Graph, op_macs

_WORK = 400e9  # multiply-accumulates that computing the features may take
_FEWEST, _MOST = 2_000, 20_000  # samples
_HELD_OUT, _MOST_HELD_OUT = 0.2, 2_000  # of them, for temperatures and thresholds
_USUAL_DROP = 1.0  # points of accuracy that early answers may cost in all
_FEATURES = "looking at the features of early exits"


@dataclass(frozen=True, eq=False)
class Trained:
    places: tuple[Place, ...]
    head: tuple[Depth, ...]
    learned: np.ndarray  # indices of the training samples that it was trained on
    held_out: np.ndarray  # of some that it has not seen


@dataclass(frozen=True)
class ExitResult:
    """Accuracies, errors and shares are 0..1, on the test samples; None without these."""

    layer: str  # behind which it stands
    pool: tuple[int, int]
    macs: int  # until its scores are there
    bytes: int  # of the blob: its constants
    threshold: int  # of the margin between the two highest int8 scores; 255: never
    float_accuracy: float | None
    int8_accuracy: float | None
    calibration_error: float | None  # expected
    share: float | None  # of the samples that leave here


def train_exits(graph: Graph, split: Split, wanted: str, seed: int, progress: Progress | None = None) -> Trained | None:
    """A head for a float graph that is as it will be packed. split: labelled training samples; wanted: see `choose`. None where
    the network has no place for an exit, or no classes. PackError where `wanted` names none."""
    places = choose(graph, wanted) if graph.tensors[graph.output].size > 1 else []
    if not places:
        return None
    count = int(np.clip(_WORK / max(graph.macs(), 1), _FEWEST, _MOST))
    chosen = np.random.default_rng(seed).permutation(len(split))[:count]
    held_out = min(int(len(chosen) * _HELD_OUT), _MOST_HELD_OUT)
    learned = np.sort(chosen[held_out:])
    head = train(graph, places, look(graph, places, split, learned, progress))
    return Trained(tuple(places), head, learned, np.sort(chosen[:held_out]))


def set_thresholds(built: Built, trained: Trained, split: Split, max_drop: float | None = None) -> Built:
    """The blob with temperatures and thresholds, from the int8 scores of the samples held out. max_drop: points of accuracy
    that early answers may cost in all."""
    labels = _labels(split)[trained.held_out]
    scores = built.engine.run_exits(split.raw(built.graph.sample, trained.held_out))
    drop = _USUAL_DROP if max_drop is None else max_drop
    thresholds = choose_thresholds(scores, labels, [*exit_macs(built.graph), built.graph.macs()], drop)
    exits = [
        replace(exit, threshold=threshold, temperature=fit_temperature(scores[:, number], labels))
        for number, (exit, threshold) in enumerate(zip(built.graph.exits, thresholds, strict=True))
    ]
    return with_exits(built, exits)


def _labels(split: Split) -> np.ndarray:
    assert split.y is not None, "exits are trained on labelled data"
    return split.y


def exit_macs(graph: Graph) -> list[int]:
    """Multiply-accumulates until the scores of each exit are there."""
    return [sum(op_macs(graph, op) for op in graph.ops[: graph.last_write(exit.tensor) + 1]) for exit in graph.exits]


def measure(
    built: Built, float_graph: Graph, trained: Trained, test: tuple[Split, np.ndarray, np.ndarray] | None
) -> tuple[ExitResult, ...]:
    """test: samples by index, and the int8 scores that the engine gave them, [N, exits + 1, classes]."""
    results = [
        ExitResult(place.layer, place.pool, macs, size, exit.threshold, None, None, None, None)
        for place, macs, size, exit in zip(
            trained.places, exit_macs(built.graph), _bytes(built), built.graph.exits, strict=True
        )
    ]
    if test is None:
        return tuple(results)
    split, indices, scores = test
    labels = _labels(split)[indices]
    real = float_scores(trained.head, look(float_graph, trained.places, split, indices).features)
    taken = leave(scores, [exit.threshold for exit in built.graph.exits])
    return tuple(
        replace(
            result,
            float_accuracy=float((real[:, d].argmax(1) == labels).mean()),
            int8_accuracy=float((scores[:, d].argmax(1) == labels).mean()),
            calibration_error=calibration_error(scores[:, d], labels, built.graph.exits[d].temperature),
            share=float((taken == d).mean()),
        )
        for d, result in enumerate(results)
    )


def _bytes(built: Built) -> list[int]:
    """Of the constants that each exit adds."""
    sizes = zip(built.graph.ops, built.constant_bytes, strict=True)
    own = [(op.output, size) for op, size in sizes]
    return [sum(size for name, size in own if name.startswith(f"{exit.tensor.split('/')[0]}/")) for exit in built.graph.exits]
