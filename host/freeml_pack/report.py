"""What was packed, in numbers: as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from freeml_pack.compress import LayerResult
from freeml_pack.exits import ExitResult
from freeml_pack.graph import NEVER, AveragePool2d, Conv2d, DepthwiseConv2d, Encoding, Graph, MaxPool2d, Op, op_macs
from freeml_pack.op_names import op_name
from freeml_pack.pipeline import PackResult
from freeml_pack.plan import OpPlan, PlanCosts, commit_count, dense_macs, op_space, plan_costs, tile_count
from freeml_pack.units import quantity

_DAYS_PER_YEAR = 365.25
_LONG = 1000  # years; beyond, the number says nothing


@dataclass(frozen=True)
class LayerReport:
    name: str  # as in the PyTorch model
    op: str  # what it became
    output_shape: tuple[int, int, int]  # height, width, channels
    weight_bytes: int  # constants in the blob: weights, biases, multipliers, look-up tables
    encoding: str | None  # of a convolution's or linear layer's weights
    density: float | None  # share of those that are not 0
    macs: int
    steps: int
    commits: int


@dataclass(frozen=True)
class TrainingReport:
    """Of compression. Accuracies are on training samples that were held out: the test samples decide nothing."""

    epochs: int
    accuracy_before: float
    accuracy_after: float
    layers: list[LayerResult]


@dataclass(frozen=True)
class Report:
    """Keys of the JSON report. Bytes are bytes; accuracies are 0..1, None where they were not measured."""

    model: str  # file name
    format: str  # what the model file is
    target: str
    blob_bytes: int
    section_bytes: dict[str, int]  # parts of the blob; they add up to blob_bytes
    float32_bytes: int  # the same weights and biases as 32-bit floats
    compression: float  # float32_bytes / blob_bytes
    peak_ram_bytes: int  # the sum of the next three
    arena_ram_bytes: int  # 0 where the arena is used in NVM
    scratch_bytes: int
    metadata_ram_bytes: int  # 0 where the blob is memory-mapped
    nvm_bytes: int  # journal and arena
    arena_bytes: int
    least_arena_bytes: int  # no arrangement of the tensors needs less
    macs: int
    steps: int
    commits: int  # per inference
    target_seconds: float | None  # estimated computing time of one inference on the target
    costs: PlanCosts  # estimated energy (or time) of one inference, of its commits and of power failures
    inferences_per_day: int  # what the next but one takes for granted
    inferences_until_worn: float | None  # commits that the target's NVM endures / commits of an inference; None: unknown
    years_until_worn: float | None
    samples: int  # that accuracies were measured on
    float_accuracy: float | None
    int8_accuracy: float | None
    agreement: float | None  # share of samples that both models give the same label
    training: TrainingReport | None  # None: the network was only rounded to int8
    notes: list[str]
    seconds: float  # that packing took
    layers: list[LayerReport]
    exits: list[ExitResult]


def make_report(result: PackResult, inferences_per_day: int) -> Report:
    """inferences_per_day: at least 1; for the years that the NVM lasts."""
    graph, memory, accuracy = result.graph, result.costs, result.accuracy
    costs = plan_costs(graph, result.plan, result.target)
    endured = result.target.nvm_commits
    inferences = None if endured is None else endured / costs.commits
    layers = [
        _layer(graph, op, op_plan, constants)
        for op, op_plan, constants in zip(graph.ops, result.plan.ops, result.constant_bytes, strict=True)
    ]
    return Report(
        model=result.model,
        format=result.format,
        target=result.target.name,
        blob_bytes=len(result.blob),
        section_bytes=result.section_bytes,
        float32_bytes=result.float32_bytes,
        compression=result.float32_bytes / len(result.blob),
        peak_ram_bytes=memory.ram,
        arena_ram_bytes=memory.arena_ram,
        scratch_bytes=memory.scratch,
        metadata_ram_bytes=memory.metadata_ram,
        nvm_bytes=memory.nvm,
        arena_bytes=result.plan.arena_size,
        least_arena_bytes=result.plan.least_arena_size(),
        macs=graph.macs(),
        steps=sum(layer.steps for layer in layers),
        commits=sum(layer.commits for layer in layers),
        target_seconds=result.target.compute_seconds(dense_macs(graph, result.target)),
        costs=costs,
        inferences_per_day=inferences_per_day,
        inferences_until_worn=inferences,
        years_until_worn=None if inferences is None else inferences / inferences_per_day / _DAYS_PER_YEAR,
        samples=accuracy.samples if accuracy else 0,
        float_accuracy=accuracy.real if accuracy else None,
        int8_accuracy=accuracy.int8 if accuracy else None,
        agreement=accuracy.agreement if accuracy else None,
        training=_training(result),
        notes=list(result.notes),
        seconds=result.seconds,
        layers=layers,
        exits=list(result.exits),
    )


def _training(result: PackResult) -> TrainingReport | None:
    made = result.compressed
    if made is None:
        return None
    return TrainingReport(made.epochs, made.accuracy_before, made.accuracy_after, list(made.layers))


def to_json(report: Report) -> str:
    return json.dumps(asdict(report), indent=2) + "\n"


def _layer(graph: Graph, op: Op, op_plan: OpPlan, constants: int) -> LayerReport:
    steps = tile_count(op_space(graph, op), op_plan.tile)
    return LayerReport(
        name=op.name,
        op=_describe(graph, op),
        output_shape=graph.tensors[op.output].shape,
        weight_bytes=constants,
        encoding=op.encoding.name if isinstance(op, Conv2d) else None,
        density=_density(op),
        macs=op_macs(graph, op),
        steps=steps,
        commits=commit_count(steps, op_plan),
    )


def _density(op: Op) -> float | None:
    if not isinstance(op, Conv2d) or op.q is None or op.q.weight is None:
        return None
    return float(np.count_nonzero(op.q.weight) / op.q.weight.size)


def _stored(layer: LayerReport) -> str:
    """For instance "sparse 8, 20%"; nothing for a byte each."""
    if layer.encoding in (None, Encoding.DENSE_8.name) or layer.density is None:
        return ""
    assert layer.encoding is not None
    return layer.encoding.lower().replace("_", " ") + (f", {layer.density:.0%}" if layer.density < 1.0 else "")


def _describe(graph: Graph, op: Op) -> str:
    """For instance "conv 3x3 + relu"."""
    kernel = op.window.kernel if isinstance(op, Conv2d | DepthwiseConv2d | MaxPool2d | AveragePool2d) else None
    input_size = graph.tensors[op.inputs[0]].shape[:2] if op.inputs else (0, 0)
    text = op_name(type(op), kernel, input_size, adaptive=isinstance(op, AveragePool2d) and op.adaptive)
    if op.activation:
        text += f" + {op.activation.kind}"
    if isinstance(op, Conv2d) and op.pool != (1, 1):
        text += " + max pool {}x{}".format(*op.pool)
    return text


def print_report(report: Report, console: Console) -> None:
    """The table that a person reads."""
    console.print(_layer_table(report))
    if report.exits:
        console.print(_exit_table(report))
    if report.training:
        console.print(_training_table(report.training))
    for label, text in _totals(report):
        console.print(f"{label:<14} {escape(text)}", soft_wrap=True, highlight=False)
    for note in report.notes:
        console.print(f"note: {escape(note)}", soft_wrap=True, highlight=False)


def _layer_table(report: Report) -> Table:
    table = Table(title=f"{escape(report.model)} ({report.format}) for {escape(report.target)}", title_justify="left")
    table.add_column("layer")
    table.add_column("operator")
    encoded = any(_stored(layer) for layer in report.layers)
    if encoded:
        table.add_column("encoding, kept")
    for heading in ("output", "weights", "MACs", "steps"):
        table.add_column(heading, justify="right")
    for layer in report.layers:
        shape = "x".join(map(str, layer.output_shape)).removeprefix("1x1x")
        numbers = (f"{n:,}" if n else "" for n in (layer.weight_bytes, layer.macs, layer.steps))
        stored = (_stored(layer),) if encoded else ()
        table.add_row(escape(layer.name), layer.op, *stored, shape, *numbers)
    return table


def _training_table(training: TrainingReport) -> Table:
    table = Table(title=f"compressed by {training.epochs} epochs of training", title_justify="left")
    table.add_column("layer")
    table.add_column("method")
    for heading in ("weights", "left", "rank", "density", "bits", "bytes before", "after", "alone"):
        table.add_column(heading, justify="right")
    for layer in training.layers:
        shapes = ("x".join(map(str, shape)) for shape in (layer.shape_before, layer.shape_after))
        numbers = (f"{layer.density:.1%}", str(layer.bits), f"{layer.bytes_before:,}", f"{layer.bytes_after:,}")
        alone = "" if layer.points_alone is None else f"{-layer.points_alone:+.1f}"
        table.add_row(escape(layer.name), layer.method, *shapes, str(layer.rank or ""), *numbers, alone)
    return table


def _exit_table(report: Report) -> Table:
    """Of early exits; what was not measured is left out."""
    table = Table(title="early exits", title_justify="left")
    table.add_column("behind")
    for heading in ("pool", "bytes", "MACs so far", "float", "int8", "calibration error", "leave from", "leaving"):
        table.add_column(heading, justify="right")
    for found in report.exits:
        measured = (found.float_accuracy, found.int8_accuracy, found.calibration_error)
        shares = ["" if share is None else f"{share:.1%}" for share in measured]
        leaving = "" if found.share is None else f"{found.share:.1%}"
        threshold = "never" if found.threshold == NEVER else str(found.threshold)
        macs = f"{found.macs:,} ({found.macs / report.macs:.0%})"
        pool = "x".join(map(str, found.pool))
        table.add_row(escape(found.layer), pool, f"{found.bytes:,}", macs, *shares, threshold, leaving)
    return table


def _totals(report: Report) -> list[tuple[str, str]]:
    sections = ", ".join(f"{name} {size:,}" for name, size in report.section_bytes.items())
    ram = {"arena": report.arena_ram_bytes, "scratch": report.scratch_bytes, "metadata": report.metadata_ram_bytes}
    parts = ", ".join(f"{name} {size:,}" for name, size in ram.items() if size)
    rows = [
        ("blob", f"{report.blob_bytes:,} bytes ({sections}), {report.compression:.1f} times smaller than float32"),
        ("peak RAM", f"{report.peak_ram_bytes:,} bytes ({parts})"),
        ("NVM", f"{report.nvm_bytes:,} bytes (journal, and arena of {report.arena_bytes:,})"),
        ("one inference", f"{report.macs:,} MACs in {report.steps:,} steps with {report.commits:,} commits"),
    ]
    if report.target_seconds is not None:
        rows.append(("on the target", f"about {report.target_seconds * 1000:,.3g} ms of computing, estimated"))
    rows += _intermittence(report)
    if report.training:
        rows.append(("held out", _held_out(report.training)))
    return [*rows, ("accuracy", _accuracy(report)), ("packed in", f"{report.seconds:.1f} s")]


def _intermittence(report: Report) -> list[tuple[str, str]]:
    costs = report.costs
    worst, inference = quantity(costs.worst_interval, costs.unit), quantity(costs.inference, costs.unit)
    life = (
        f"a charge of {quantity(costs.life, 'J')}"
        if costs.unit == "J"
        else f"the {quantity(costs.life, 's')} between power cuts"
    )
    rows = [
        ("commits", f"add {costs.commit_share:.1%} to the work, replays after power cuts {costs.replay_share:.1%}, estimated"),
        ("dearest", f"interval between commits: {worst} at {costs.worst_layers}, {costs.worst_share:.1%} of {life}"),
    ]
    if costs.unit == "J":
        rows.insert(0, ("energy", f"about {inference} an inference, {quantity(costs.recovery, 'J')} a restart, estimated"))
    if report.inferences_until_worn is not None and report.years_until_worn is not None:
        years = f"{report.years_until_worn:.1f}" if report.years_until_worn < _LONG else f"more than {_LONG:,}"
        often = f"{report.inferences_per_day:,} a day"
        rows.append(("NVM endures", f"{report.inferences_until_worn:.1e} inferences, {years} years at {often}"))
    return rows


def _held_out(training: TrainingReport) -> str:
    change = 100 * (training.accuracy_after - training.accuracy_before)
    return (
        f"{training.accuracy_before:.2%} before compression, {training.accuracy_after:.2%} after it ({change:+.2f} points); "
        "alone: points if a layer were pruned like this and nothing trained"
    )


def _accuracy(report: Report) -> str:
    if report.agreement is None:
        return "not measured"
    same = f"same label for {report.agreement:.2%} of {report.samples:,} test samples"
    if report.float_accuracy is None or report.int8_accuracy is None:
        return f"not measured: no labels; float and int8 give the {same}"
    change = 100 * (report.int8_accuracy - report.float_accuracy)
    return f"float {report.float_accuracy:.2%}, int8 {report.int8_accuracy:.2%} ({change:+.2f} points); {same}"
