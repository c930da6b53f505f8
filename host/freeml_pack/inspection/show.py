"""Blobs and NVM images on a screen."""

from __future__ import annotations

from collections.abc import Sequence

from freeml_schema.journal import ARENA_OFFSET
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from freeml_pack.graph import NEVER, Encoding
from freeml_pack.inspection.blob import BlobFacts, Section
from freeml_pack.inspection.memory_map import memory_map
from freeml_pack.inspection.network import Interval, Network, NetworkExit, NetworkOp
from freeml_pack.inspection.nvm import Journal, Slot
from freeml_pack.inspection.verdict import Answer, Progress, Verdict

_WIDE = 100  # columns from which the tables show everything
_MOST_SCORES = 16


def show_blob(file: str, facts: BlobFacts, console: Console) -> None:
    network = facts.network
    state = "[red]damaged[/]" if facts.faults else "[green]good[/]"
    named = f" {network.name!r}, packed for {network.target}," if network else ""
    _print(console, f"[bold]{escape(file)}[/]: FreeML blob{escape(named)} {facts.size:,} bytes: {state}")
    for fault in facts.faults:
        _print(console, f"[red]-[/] {escape(fault)}")
    rows = [("C core", facts.engine), *_identity(network), *((section.name, _section(section)) for section in facts.sections)]
    if network is None:
        _facts(console, rows)
        return
    _facts(console, rows + _totals(network, facts))
    console.print(_op_table(network, facts.densities, wide=console.width >= _WIDE))
    console.print(_tensor_table(network))
    console.print("\nthe arena: bytes down, operators across; S sample, numbers tensors", style="italic")
    console.print(memory_map(network, console.width))


def _print(console: Console, text: str) -> None:
    """One line, however long, so that programs find it whole."""
    console.print(text, soft_wrap=True, highlight=False)


def _facts(console: Console, rows: Sequence[tuple[str, str]]) -> None:
    """Label and text; long texts stay in their column."""
    grid = Table.grid(padding=(0, 2))
    for label, text in rows:
        grid.add_row(label, escape(text))
    console.print(grid, highlight=False)


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for heading in left:
        table.add_column(heading, overflow="fold")
    for heading in right:
        table.add_column(heading, justify="right")
    return table


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _section(section: Section) -> str:
    crc = f", CRC-32 {section.crc32}" if section.crc32 else ""
    return f"{section.size:,} bytes from byte {section.offset:,}{crc}: {section.state}"


def _identity(network: Network | None) -> list[tuple[str, str]]:
    if network is None:
        return []
    output = network.tensors[network.output]
    shape, transform = _shape(network.sample_shape), network.output_transform.name.lower()
    transformed = "" if transform == "none" else f", {transform}"
    return [
        ("model id", f"{network.model_id:08x}, format version {network.version}"),
        ("sample", f"{network.sample_type.name.lower()} {shape}, {network.sample.size:,} bytes at {network.sample.offset:,}"),
        ("output", f"tensor {network.output}: {output.place.size:,} scores at {output.place.offset:,}{transformed}"),
    ]


def _totals(network: Network, facts: BlobFacts) -> list[tuple[str, str]]:
    rows = [("NVM", f"{ARENA_OFFSET + network.arena_size:,} bytes (journal {ARENA_OFFSET}, arena {network.arena_size:,})")]
    if facts.scratch_size is not None:
        rows.append(("scratch", f"{facts.scratch_size:,} bytes, {facts.streamed_scratch_size:,} where weights are streamed"))
    rows.append(("one inference", f"{network.macs:,} MACs in {network.steps:,} steps with {network.commits:,} commits"))
    rows.append(("dearest commit", _interval(network.dearest_interval())))
    exits = enumerate(network.exits, 1)
    return [*rows, *((f"exit {number}", _exit(exit)) for number, exit in exits)]


def _exit(exit: NetworkExit) -> str:
    when = "never by itself" if exit.threshold == NEVER else f"from a margin of {exit.threshold} on"
    return f"behind operator {exit.op}, scores in tensor {exit.tensor}, {when}; temperature {exit.temperature:.2f}"


def _interval(interval: Interval) -> str:
    steps = interval.last_step - interval.first_step + 1
    where = f"operator {interval.first_op}"
    if interval.last_op != interval.first_op:
        where = f"operators {interval.first_op} to {interval.last_op}"
    return f"{interval.macs:,} MACs in the {steps:,} steps from step {interval.first_step:,} on ({where})"


def _op_table(network: Network, densities: Sequence[float | None], *, wide: bool) -> Table:
    encoded = wide and any(op.encoding != Encoding.DENSE_8 for op in network.ops)
    more = (*(("reads", "writes", "window", "tile") if wide else ()), *(("weights",) if encoded else ()))
    table = _table("\noperators", ["#", "operator", *more, "space"], ["steps", "commits", "bytes", "MACs"])
    for index, op in enumerate(network.ops):
        details = _details(network, op) if wide else ()
        weights = (_weights(op, densities[index] if densities else None),) if encoded else ()
        numbers = (f"{n:,}" if n else "" for n in (op.steps, op.commits, op.constant_bytes, op.macs))
        table.add_row(str(index), op.name, *details, *weights, _shape(op.space), *numbers)
    return table


def _details(network: Network, op: NetworkOp) -> tuple[str, ...]:
    reads = " ".join(map(str, op.inputs)) or ("S" if op.kind == "QUANTIZE" else "")
    return reads, str(op.output), _window(op), "" if op.plan.tile == op.space else _shape(op.plan.tile)


def _weights(op: NetworkOp, density: float | None) -> str:
    """How the weights are stored, and how many of them are there: "sparse 4 bit 20%"."""
    if op.kind != "CONV_2D":
        return ""
    words = op.encoding.name.lower().split("_")
    share = "" if density is None or density == 1.0 else f" {density:.0%}"
    return f"{' '.join(words[:-1])} {words[-1]} bit{share}"


def _window(op: NetworkOp) -> str:
    """What differs from a plain window, for instance "/2 pad 1 groups 4"."""
    if op.window is None:
        return ""
    parts = [
        ("/", op.window.stride, (1, 1)),
        ("pad ", op.window.padding, (0, 0)),
        ("dil ", op.window.dilation, (1, 1)),
    ]
    texts = [label + _pair(pair) for label, pair, plain in parts if pair != plain]
    if op.kind == "CONV_2D" and op.window.groups > 1:
        texts.append(f"groups {op.window.groups}")
    if op.sums_in or op.sums_out:
        texts.append(f"channels {op.window.channels[0]}-{op.window.channels[1] - 1}")
    return " ".join(texts)


def _pair(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else _shape(pair)


def _tensor_table(network: Network) -> Table:
    table = _table("\ntensors", ["#", "shape"], ["bytes", "scale", "zero point", "offset", "operators"])
    for index, tensor in enumerate(network.tensors):
        place = tensor.place
        life = f"{place.first_op} to {place.last_op}"
        numbers = (f"{place.size:,}", f"{tensor.scale:.4g}", str(tensor.zero_point), f"{place.offset:,}", life)
        table.add_row(str(index), _shape(tensor.shape), *numbers)
    return table


def show_nvm(file: str, size: int, journal: Journal, verdict: Verdict, network: Network | None, console: Console) -> None:
    _print(console, f"[bold]{escape(file)}[/]: NVM image, {size:,} bytes")
    _print(console, f"[{'green' if verdict.good else 'red'}]{escape(verdict.text)}[/]")
    for note in verdict.notes:
        _print(console, f"- {escape(note)}")
    rows = [("model", f"{network.name!r}, id {network.model_id:08x}")] if network else []
    if verdict.progress:
        assert journal.newest is not None
        rows += _progress(verdict.progress, journal.newest)
    if verdict.answer:
        rows += _answer(verdict.answer)
    if rows:
        _facts(console, rows)
    console.print(_slot_table(journal), highlight=False)


def _progress(progress: Progress, record: Slot) -> list[tuple[str, str]]:
    done, steps, interval = progress.steps_done, progress.steps, progress.interval
    filled = 30 * done // steps
    to_go, macs = interval.last_step - done + 1, f" of {interval.macs:,} MACs" if interval.macs else ""
    where = f"operator {record.fields['op']}, {progress.op_name}, step {record.fields['tile'] + 1} of {progress.op_steps}"
    return [
        ("progress", f"{'█' * filled}{'░' * (30 - filled)} {done:,} of {steps:,} steps, {done / steps:.0%}"),
        ("next step", where),
        ("next commit", f"in operator {interval.last_op}, after {to_go:,} {'step' if to_go == 1 else 'steps'}{macs}"),
    ]


def _answer(answer: Answer) -> list[tuple[str, str]]:
    shown = " ".join(f"{value:.4g}" for value in answer.values[:_MOST_SCORES])
    rest = len(answer.values) - _MOST_SCORES
    return [("label", str(answer.label)), ("scores", shown + (f" and {rest:,} more" if rest > 0 else ""))]


def _slot_table(journal: Journal) -> Table:
    table = _table("\njournal", ["field", *(f"slot {slot.number}" for slot in journal.slots)], [])
    table.add_row("state", *(_slot_state(slot, journal) for slot in journal.slots))
    for name in journal.slots[0].fields:
        table.add_row(name, *(_field(slot, name) for slot in journal.slots))
    return table


def _slot_state(slot: Slot, journal: Journal) -> str:
    colour = {"good": "green", "damaged": "red", "blank": "dim"}[slot.state]
    return f"[{colour}]{slot.state}[/]" + (", counts" if slot is journal.newest else "")


def _field(slot: Slot, name: str) -> str:
    if slot.state == "blank":
        return "[dim]-[/]"
    value = slot.fields[name]
    text = f"{value:08x}" if name in ("model_id", "crc32") else str(value)
    if name == "magic":
        text = ascii(value.to_bytes(2, "little"))[2:-1]
    if name == "phase" and name not in slot.problems:
        text = slot.phase
    if name not in slot.problems:
        return escape(text)
    return f"[red]{escape(text)}[/]" + (f", should be {slot.crc32:08x}" if name == "crc32" else ", wrong")
