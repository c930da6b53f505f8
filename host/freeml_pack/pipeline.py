"""From a model file to a blob: the stages in order, and the checks between them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

import numpy as np
from freeml_schema.model import OpFlag

from freeml_pack import passes
from freeml_pack.blob import open_metadata, section_sizes, write_blob
from freeml_pack.budget import Costs, check_fits, check_weights
from freeml_pack.calibrate import calibrate
from freeml_pack.data import Data, bind_data, bind_normalisation, candidate_shapes, load_data
from freeml_pack.encode import choose_encoding
from freeml_pack.engine import Engine
from freeml_pack.errors import InputShapeError, PackError
from freeml_pack.frontend import LoadedModel, load_model
from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph, OutputTransform
from freeml_pack.oracle import run_oracle
from freeml_pack.plan import MemoryPlan, check_commit_rule, plan, separate, split_sums, step_fits
from freeml_pack.progress import ProgressDisplay
from freeml_pack.quantize import quantize
from freeml_pack.scores import int8_labels
from freeml_pack.targets import DEFAULT_TARGET, Target, load_target

_SELF_CHECK_SAMPLES = 8
_MOST_BUILDS = 4  # until a blob fits its target
_BATCH = 128  # samples


@dataclass(frozen=True)
class PackOptions:
    """What the user asks for. model_spec: "module:Class" of a state_dict; input_shape: without the batch; mean, std, scale:
    the data's normalisation, one number or one per channel; ram: bytes that the device may use, where that is less than the
    target has; samples: most test samples to measure accuracy on, None: all."""

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
    ram: int | None = None
    samples: int | None = None
    seed: int = 0


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
    accuracy: Accuracy | None
    notes: tuple[str, ...]
    seconds: float


def pack(options: PackOptions, display: ProgressDisplay | None = None) -> PackResult:
    """Packs a model. PackError where the input is bad or the model does not fit; SelfCheckError where the packer is wrong."""
    started = time.monotonic()
    display = display or ProgressDisplay(quiet=True)
    target = _target(options)
    input_range = _input_range(options)
    with display.stage("loading the model"):
        model, data = _load(options)
    float_graph = _bind(passes.standard(model.graph), data, options)
    check_weights(float_graph, target)
    notes = list(data.notes) if data else ["accuracy not measured: no --data; int8 ranges come from the weights alone."]
    graph = _fit(choose_encoding(_quantize(float_graph, data, options.seed, input_range, display), target), target)
    built = _build_within(graph, target)
    graph, constants = built.graph, _constant_bytes(built.blob)
    check_commit_rule(graph, built.plan)
    check_fits(graph, built.plan, constants, built.costs, target)
    with display.stage("checking the engine against the oracle"):
        _self_check(graph, built.engine, data, options.seed)
    accuracy = _measure(model, graph, built.engine, data, options, display)
    return PackResult(
        model=options.model.name,
        format=model.kind,
        target=target,
        graph=graph,
        plan=built.plan,
        blob=built.blob,
        section_bytes=section_sizes(built.blob),
        constant_bytes=constants,
        float32_bytes=_float32_bytes(float_graph),
        costs=built.costs,
        accuracy=accuracy,
        notes=(*notes, *_doubts(graph, accuracy)),
        seconds=time.monotonic() - started,
    )


def _target(options: PackOptions) -> Target:
    target = load_target(options.target)
    limits = [limit for limit in (target.ram_bytes, options.ram) if limit is not None]
    return replace(target, ram_bytes=min(limits, default=None))


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


def _quantize(
    graph: Graph, data: Data | None, seed: int, input_range: tuple[float, float] | None, display: ProgressDisplay
) -> Graph:
    x = None
    if data:
        split, indices = data.calibration(seed=seed)
        x = split.values(indices)
    with display.stage("choosing int8 ranges") as progress:
        calibration = calibrate(graph, x, progress, input_range)
    return quantize(graph, calibration)


def _fit(graph: Graph, target: Target) -> Graph:
    """An int8 graph cut, and put together, as suits the target."""
    graph = split_sums(graph, target)
    return passes.fuse_pool(graph, step_fits(graph, target))


@dataclass(frozen=True, eq=False)
class _Built:
    graph: Graph
    plan: MemoryPlan
    blob: bytes
    engine: Engine
    costs: Costs

    def excess(self, target: Target) -> int:
        """Bytes by which an arena that were smaller would make the blob fit the target's memories; 0 or less: it does."""
        needs = [(self.costs.nvm, target.nvm_bytes)] + ([] if target.nvm_mapped else [(self.costs.ram, target.ram_bytes)])
        return max((need - limit for need, limit in needs if limit is not None), default=0)


def _build(graph: Graph, target: Target) -> _Built:
    memory_plan = plan(graph, target)
    blob = write_blob(graph, memory_plan, target.name)
    engine = Engine(blob, streamed=not target.blob_mapped)
    return _Built(graph, memory_plan, blob, engine, _costs(section_sizes(blob), engine, target))


def _build_within(graph: Graph, target: Target) -> _Built:
    """The blob; where its arena is too large for the target's memories, one whose layers are separated by rows. More operators
    have more metadata, so that the arena may have to shrink further than it seemed."""
    built = _build(graph, target)
    limit = built.plan.arena_size
    for _ in range(_MOST_BUILDS):
        excess = built.excess(target)
        if excess <= 0 or limit <= excess:
            break
        limit -= excess
        separated = separate(graph, limit)
        if separated.ops == built.graph.ops:
            break
        built = _build(separated, target)
    return built


def _constant_bytes(blob: bytes) -> tuple[int, ...]:
    """Of each op: weights, biases, multipliers, look-up table (counted for each op that uses it)."""
    model = open_metadata(blob)
    ops = [model.Ops(index) for index in range(model.OpsLength())]
    return tuple(op.ParamsSize() + (256 if op.Flags() & OpFlag.HAS_LOOKUP else 0) for op in ops)


def _costs(sections: dict[str, int], engine: Engine, target: Target) -> Costs:
    return Costs(
        blob=sum(sections.values()),
        nvm=engine.nvm_size,
        arena_ram=0 if target.nvm_mapped else engine.arena_size,
        scratch=engine.scratch_size,
        metadata_ram=0 if target.blob_mapped else sections["header"] + sections["metadata"],
    )


def _float32_bytes(graph: Graph) -> int:
    return sum(4 * (op.weight.size + op.bias.size) for op in graph if isinstance(op, Conv2d | DepthwiseConv2d))


def _self_check(graph: Graph, engine: Engine, data: Data | None, seed: int) -> None:
    """SelfCheckError unless engine and oracle give the same bytes, on real samples or else on random ones."""
    if data:
        split, indices = data.calibration(_SELF_CHECK_SAMPLES, seed)
        raw = split.raw(graph.sample, indices)
    else:
        raw = np.random.default_rng(seed).integers(0, 256, (_SELF_CHECK_SAMPLES, graph.sample.size), np.uint8)
    if not np.array_equal(engine.run_batch(raw), run_oracle(graph, raw)):
        raise SelfCheckError("the C engine and the numpy oracle give different scores")


def _measure(
    model: LoadedModel, graph: Graph, engine: Engine, data: Data | None, options: PackOptions, display: ProgressDisplay
) -> Accuracy | None:
    """Float and int8 accuracy on the test samples, None where there are none."""
    if data is None or data.test is None:
        return None
    split = data.test
    chosen = np.random.default_rng(options.seed).permutation(len(split))[: options.samples]
    chosen.sort()
    float_labels, int8_labels = [], []
    with display.stage("measuring accuracy") as progress:
        for begin in range(0, len(chosen), _BATCH):
            batch = chosen[begin : begin + _BATCH]
            float_labels.append(_float_labels(graph, model.predict(split.normalised(batch))))
            int8_labels.append(_int8_labels(graph, engine.run_batch(split.raw(graph.sample, batch))))
            progress(begin + len(batch), len(chosen))
    real, packed = np.concatenate(float_labels), np.concatenate(int8_labels)
    truth = None if split.y is None else split.y[chosen]
    return Accuracy(
        samples=len(chosen),
        real=None if truth is None else float((real == truth).mean()),
        int8=None if truth is None else float((packed == truth).mean()),
        agreement=float((real == packed).mean()),
    )


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
