"""From a model file to a blob: the stages in order, and the checks between them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

import numpy as np

from freeml_pack import passes
from freeml_pack.budget import Costs, check_fits, check_weights
from freeml_pack.build import Built, build
from freeml_pack.compress import Compressed, Goal, compress, factorise
from freeml_pack.data import Data, Split, bind_data, bind_normalisation, candidate_shapes, load_data
from freeml_pack.errors import InputShapeError, PackError, TooLargeError
from freeml_pack.exit_head import Depth
from freeml_pack.exits import ExitResult, Trained, measure, set_thresholds, train_exits
from freeml_pack.frontend import LoadedModel, load_model
from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph, OutputTransform
from freeml_pack.oracle import run_oracle
from freeml_pack.plan import MemoryPlan
from freeml_pack.progress import ProgressDisplay
from freeml_pack.scores import int8_labels
from freeml_pack.targets import DEFAULT_TARGET, Target, load_target

_SELF_CHECK_SAMPLES = 8
_BATCH = 128  # samples


@dataclass(frozen=True)
class PackOptions:
    """What the user asks for. model_spec: "module:Class" of a state_dict; input_shape: without the batch; mean, std, scale:
    the data's normalisation, one number or one per channel; samples: most test samples to measure accuracy on, None: all;
    size, ram: bytes that the blob and the device's RAM may take, besides what the target says; max_drop, epochs, work_dir: see
    `freeml_pack.compress.Goal`; compress: whether the network may be trained to become smaller; exits: "none", or which early
    exits to train, see `freeml_pack.exits.choose`; None: "auto" where the data has labelled training samples."""

    model: Path
    data: Path | None = None
    model_spec: str | None = None
    input_shape: tuple[int, ...] | None = None
    allow_pickle: bool = False
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    input_range: Sequence[float] | None = None  # (low, high) of the normalised input, without data
    target: str = DEFAULT_TARGET
    samples: int | None = None
    seed: int = 0
    size: int | None = None
    ram: int | None = None
    max_drop: float | None = None
    epochs: int | None = None
    work_dir: Path | None = None
    compress: bool = True
    exits: str | None = None


@dataclass(frozen=True)
class Accuracy:
    """Shares 0..1 over `samples` test samples; real and int8 are None where the data has no labels."""

    samples: int
    real: float | None  # of the original model
    int8: float | None
    agreement: float  # both give the same label


@dataclass(frozen=True, eq=False)
class PackResult:
    model: str  # file name
    format: str  # what the model file is
    target: Target
    graph: Graph  # int8
    plan: MemoryPlan
    blob: bytes
    section_bytes: dict[str, int]
    constant_bytes: tuple[int, ...]  # of each op, as Graph.ops
    float32_bytes: int  # weights and biases of the float graph
    costs: Costs
    compressed: Compressed | None  # None: only rounded to int8
    exits: tuple[ExitResult, ...]
    accuracy: Accuracy | None
    notes: tuple[str, ...]
    seconds: float


def pack(options: PackOptions, display: ProgressDisplay | None = None) -> PackResult:
    """Packs a model. PackError where the input is bad or the model does not fit; SelfCheckError where the packer is wrong."""
    started = time.monotonic()
    display = display or ProgressDisplay(quiet=True)
    target = _tightened(load_target(options.target), options)
    input_range = _input_range(options)
    with display.stage("loading the model"):
        model, data = _load(options)
    float_graph = _bind(passes.standard(model.graph), data, options)
    low_rank: list[str] = []
    packed_graph = float_graph
    if data is None and options.compress:
        packed_graph, low_rank = _factorised(float_graph)
    built, compressed = _build(packed_graph, data, target, options, input_range, display)
    final_graph = compressed.graph if compressed else packed_graph
    built, trained, about_exits = _with_exits(built, final_graph, data, target, options, display)
    notes = list(data.notes) if data else ["accuracy not measured: no --data; int8 ranges come from the weights alone."]
    notes += low_rank + about_exits
    with display.stage("checking the engine against the oracle"):
        _self_check(built, data, options.seed)
    accuracy, seen = _measure(model, built, data, options, display)
    return PackResult(
        model=options.model.name,
        format=model.kind,
        target=built.target,
        graph=built.graph,
        plan=built.plan,
        blob=built.blob,
        section_bytes=built.section_bytes,
        constant_bytes=built.constant_bytes,
        float32_bytes=_float32_bytes(float_graph),
        costs=built.costs,
        compressed=compressed,
        exits=measure(built, final_graph, trained, seen) if trained else (),
        accuracy=accuracy,
        notes=(*notes, *(compressed.notes if compressed else ()), *_doubts(built.graph, accuracy)),
        seconds=time.monotonic() - started,
    )


def _tightened(target: Target, options: PackOptions) -> Target:
    """The target with the memory that the user grants."""

    def least(*limits: int | None) -> int | None:
        return min((limit for limit in limits if limit is not None), default=None)

    flash, ram = least(target.flash_bytes, options.size), least(target.ram_bytes, options.ram)
    return replace(target, flash_bytes=flash, ram_bytes=ram)


def _factorised(graph: Graph) -> tuple[Graph, list[str]]:
    """All that can be done to a network without data: layers of low rank become two or three; and what that was."""
    graph, taken = factorise(graph)
    notes = [
        f"{made.layer} has low rank ({', '.join(map(str, made.ranks))}): packed as factors of {made.bytes_after:,} bytes "
        f"instead of {made.bytes_before:,}."
        for made in taken.values()
    ]
    return graph, notes


def _build(
    graph: Graph,
    data: Data | None,
    target: Target,
    options: PackOptions,
    input_range: tuple[float, float] | None,
    display: ProgressDisplay,
) -> tuple[Built, Compressed | None]:
    """Compressed where the user asks for it, or where the model does not fit otherwise and can be trained."""
    asked = options.max_drop is not None or options.epochs is not None or options.work_dir is not None
    trainable = data is not None and data.train is not None and data.train.y is not None
    if asked and (not options.compress or not trainable):
        wrong = "the data has no x_train with y_train to train on" if options.compress else "--no-compress forbids it"
        raise PackError(f"--max-drop, --epochs and --work-dir ask for compression, but {wrong}; leave out one or the other")
    if not asked:
        try:
            check_weights(graph, target)
            return _fitting(graph, data, target, options.seed, input_range, display), None
        except TooLargeError as error:
            if not options.compress:
                raise
            if data is None or not trainable:
                raise TooLargeError(f"{error}, or give --data with x_train and y_train: then it is compressed") from None
    assert data is not None
    goal = Goal(max_drop=options.max_drop, epochs=options.epochs, seed=options.seed, work_dir=options.work_dir)
    compressed = compress(graph, data, target, goal, display)
    return _fitting(compressed.graph, data, target, options.seed, None, display), compressed


def _fitting(
    graph: Graph,
    data: Data | None,
    target: Target,
    seed: int,
    input_range: tuple[float, float] | None,
    display: ProgressDisplay,
    head: Sequence[Depth] = (),
) -> Built:
    """The blob; TooLargeError where it does not fit."""
    x = None
    if data:
        split, indices = data.calibration(seed=seed)
        x = split.values(indices)
    with display.stage("choosing int8 ranges") as progress:
        built = build(graph, x, target, progress, input_range, head)
    check_fits(built.graph, built.plan, built.constant_bytes, built.costs, target)
    return built


def _with_exits(
    built: Built, graph: Graph, data: Data | None, target: Target, options: PackOptions, display: ProgressDisplay
) -> tuple[Built, Trained | None, list[str]]:
    """The blob with early exits where they are wanted and can be had; notes about it. graph: the float graph of the blob."""
    train = data.train if data else None
    if options.exits == "none" or (options.exits is None and (train is None or train.y is None)):
        return built, None, []
    if data is None or train is None or train.y is None:
        raise PackError("--exits asks for early exits, but there is no --data with x_train and y_train to train them on.")
    with display.stage("training early exits") as progress:
        trained = train_exits(graph, train, options.exits or "auto", options.seed, progress)
    if trained is None:
        return built, None, ["no early exits: nothing in the model is a place for one."]
    try:
        larger = _fitting(graph, data, target, options.seed, None, display, trained.head)
    except TooLargeError:
        if options.exits is not None:
            raise
        return built, None, ["no early exits: with them the model would not fit; give it a larger --size to have them."]
    with display.stage("setting thresholds of early exits"):
        return set_thresholds(larger, trained, train, options.max_drop), trained, []


def _load(options: PackOptions) -> tuple[LoadedModel, Data | None]:
    """The model and the data. Where neither the model file nor the user says what a sample looks like, the data does."""
    try:
        model = _load_model(options, options.input_shape)
    except InputShapeError:
        if options.data is None or options.input_shape is not None:
            raise
        return _load_with_shape_of_data(options.data, options)
    return model, _load_data(options.data, model.input_shape, options) if options.data else None


def _load_with_shape_of_data(path: Path, options: PackOptions) -> tuple[LoadedModel, Data]:
    """Data stored as (28, 28) may be meant as (1, 28, 28), (28, 28) or (784): the first that the model takes."""
    refusals = []
    for shape in candidate_shapes(load_data(path).layout.stored):
        try:
            model = _load_model(options, shape)
        except InputShapeError as error:
            refusals.append(error)
        else:
            return model, _load_data(path, shape, options)
    raise refusals[0]


def _load_model(options: PackOptions, input_shape: tuple[int, ...] | None) -> LoadedModel:
    return load_model(options.model, model_spec=options.model_spec, input_shape=input_shape, allow_pickle=options.allow_pickle)


def _load_data(path: Path, input_shape: tuple[int, ...], options: PackOptions) -> Data:
    return load_data(path, input_shape=input_shape, mean=options.mean, std=options.std, scale=options.scale)


class SelfCheckError(Exception):
    """The C engine and the numpy oracle disagree: a bug in FreeML."""


def _input_range(options: PackOptions) -> tuple[float, float] | None:
    if options.input_range is None:
        return None
    if options.data:
        raise PackError("--input-range is for packing without data; --data tells the range, leave one of them out.")
    low, high = options.input_range
    if not (isfinite(low) and isfinite(high) and low < high):
        raise PackError(f"--input-range {low:g} {high:g} is no range: give two numbers, the lower one first.")
    return low, high


def _bind(graph: Graph, data: Data | None, options: PackOptions) -> Graph:
    """The graph reads samples as the data stores them."""
    if data:
        return bind_data(graph, data)
    return bind_normalisation(graph, mean=options.mean, std=options.std, scale=options.scale)


def _float32_bytes(graph: Graph) -> int:
    return sum(4 * (op.weight.size + op.bias.size) for op in graph if isinstance(op, Conv2d | DepthwiseConv2d))


def _self_check(built: Built, data: Data | None, seed: int) -> None:
    """SelfCheckError unless engine and oracle give the same bytes, on real samples or else on random ones."""
    graph, engine = built.graph, built.engine
    if data:
        split, indices = data.calibration(_SELF_CHECK_SAMPLES, seed)
        raw = split.raw(graph.sample, indices)
    else:
        raw = np.random.default_rng(seed).integers(0, 256, (_SELF_CHECK_SAMPLES, graph.sample.size), np.uint8)
    values = run_oracle(graph, raw, trace=True)
    expected = [values[name].reshape(len(raw), -1) for name in (*(exit.tensor for exit in graph.exits), graph.output)]
    if not np.array_equal(engine.run_exits(raw), np.stack(expected, 1)):
        raise SelfCheckError("the C engine and the numpy oracle give different scores")


def _measure(
    model: LoadedModel, built: Built, data: Data | None, options: PackOptions, display: ProgressDisplay
) -> tuple[Accuracy | None, tuple[Split, np.ndarray, np.ndarray] | None]:
    """Float and int8 accuracy on the test samples, None where there are none; for labelled ones their indices, and what the
    engine said of them, see `Engine.run_exits`."""
    if data is None or data.test is None:
        return None, None
    graph, engine, split = built.graph, built.engine, data.test
    chosen = np.random.default_rng(options.seed).permutation(len(split))[: options.samples]
    chosen.sort()
    float_labels, scores = [], []
    with display.stage("measuring accuracy") as progress:
        for begin in range(0, len(chosen), _BATCH):
            batch = chosen[begin : begin + _BATCH]
            float_labels.append(_float_labels(graph, model.predict(split.normalised(batch))))
            scores.append(engine.run_exits(split.raw(graph.sample, batch)))
            progress(begin + len(batch), len(chosen))
    all_scores = np.concatenate(scores)
    real, packed = np.concatenate(float_labels), _int8_labels(graph, all_scores[:, -1])
    truth = None if split.y is None else split.y[chosen]
    accuracy = Accuracy(
        samples=len(chosen),
        real=None if truth is None else float((real == truth).mean()),
        int8=None if truth is None else float((packed == truth).mean()),
        agreement=float((real == packed).mean()),
    )
    return accuracy, None if truth is None else (split, chosen, all_scores)


def _doubts(graph: Graph, accuracy: Accuracy | None) -> list[str]:
    """What a person should look at before trusting the figures."""
    classes = max(2, graph.tensors[graph.output].size)
    if accuracy is None or accuracy.real is None or accuracy.real >= 1.5 / classes:
        return []
    return ["the original model hardly beats chance: do --mean, --std, --scale and the labels match its training?"]


def _float_labels(graph: Graph, scores: np.ndarray) -> np.ndarray:
    """Classes; of a model with one output, whether it says yes."""
    scores = scores.reshape(len(scores), -1)
    if scores.shape[1] > 1:
        return scores.argmax(axis=1)
    return (scores[:, 0] > (0.5 if graph.output_transform == OutputTransform.SIGMOID else 0.0)).astype(np.int64)


def _int8_labels(graph: Graph, scores: np.ndarray) -> np.ndarray:
    quant = graph.tensors[graph.output].quant
    assert quant is not None
    return int8_labels(scores, quant.zero_point)
