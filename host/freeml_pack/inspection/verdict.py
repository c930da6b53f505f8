"""What the state of a device's NVM means to whoever wonders why the device is stuck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from freeml_schema.journal import ARENA_OFFSET

from freeml_pack.engine import BOOT_LIMIT
from freeml_pack.inspection.network import Interval, Network
from freeml_pack.inspection.nvm import Journal, Slot
from freeml_pack.scores import int8_labels, real_scores


@dataclass(frozen=True)
class Progress:
    """Of an inference under way. `interval`: the steps up to the next commit."""

    steps_done: int
    steps: int
    op_name: str  # of the next step
    op_steps: int
    interval: Interval


@dataclass(frozen=True)
class Answer:
    label: int
    scores: tuple[int, ...]  # int8
    values: tuple[float, ...]  # what the original network returns


@dataclass(frozen=True)
class Verdict:
    """state: what the core will find, "blank", "valid", "foreign" or "damaged"; without a model nothing is foreign.
    good: nothing is lost and the device can go on. text: one line; notes: more of them."""

    state: str
    good: bool
    text: str
    notes: tuple[str, ...]
    progress: Progress | None = None
    answer: Answer | None = None


def judge(image: bytes, journal: Journal, network: Network | None) -> Verdict:
    """image: of at least ARENA_OFFSET bytes; network: the model that the device runs, None where that is not known."""
    notes = _slot_notes(journal)
    complete = network is None or len(image) >= ARENA_OFFSET + network.arena_size
    if network is not None and not complete:
        size = ARENA_OFFSET + network.arena_size
        notes.append(f"the image has {len(image):,} of the model's {size:,} bytes: dump the whole memory")
    found = _judge(image, journal, network)
    return Verdict(found.state, found.good and complete, found.text, (*notes, *found.notes), found.progress, found.answer)


def _judge(image: bytes, journal: Journal, network: Network | None) -> Verdict:
    newest = journal.newest
    if newest is None:
        return _nothing_valid(journal)
    if network is not None and newest.fields["model_id"] != network.model_id:
        ids = f"id {newest.fields['model_id']:08x}, not {network.model_id:08x}"
        text = f"written by another model ({ids}): this one will not resume it; the next start() works and overwrites it"
        return Verdict("foreign", False, text, ())
    if newest.phase == "IDLE":
        return Verdict("valid", True, "idle: no inference is under way, no answer is kept; the next start() works", ())
    if newest.phase == "DONE":
        return _done(image, newest, network)
    return _running(newest, network)


def _nothing_valid(journal: Journal) -> Verdict:
    if all(slot.state == "blank" for slot in journal.slots):
        return Verdict("blank", True, "blank: nothing was ever committed; the next start() works", ())
    if any(slot.state == "blank" for slot in journal.slots):
        return Verdict(journal.state, True, "the very first record was cut off: nothing is lost, the next start() works", ())
    if journal.state == "blank":
        text = "no slot holds a record, but the journal is not erased: overwritten, or not where the memory begins"
        return Verdict("blank", False, f"{text}; a device finds nothing to resume and the next start() works", ())
    reasons = "; ".join(f"slot {slot.number}: {', '.join(slot.problems)}" for slot in journal.slots)
    return Verdict("damaged", False, f"both slots damaged ({reasons}): the inference is lost, the next start() works", ())


def _slot_notes(journal: Journal) -> list[str]:
    newest, notes = journal.newest, []
    for slot in journal.slots if newest else ():
        assert newest is not None
        if slot.state == "damaged":
            wrong = ", ".join(slot.problems)
            notes.append(f"slot {slot.number} damaged ({wrong}), slot {newest.number} good: nothing lost")
        elif slot.fields != newest.fields:
            holds = "is blank" if slot.state == "blank" else f"holds record {slot.fields['sequence']}"
            notes.append(f"slot {slot.number} still {holds}: power failed between the two writes of a commit; nothing lost")
    return notes


def _done(image: bytes, record: Slot, network: Network | None) -> Verdict:
    tag = record.fields["tag"]
    exit = record.fields["exit"]
    if network is not None and exit > len(network.exits):
        text = f"the record names exit {exit}, which the model has not: there is no answer; the next start() works"
        return Verdict("foreign", False, text, ())
    answer = _answer(image, network, exit) if network else None
    ready = f"answer of tag {tag}{f' from exit {exit}' if exit else ''} is ready"
    if answer:
        return Verdict("valid", True, f"{ready}: label {answer.label}", (), answer=answer)
    missing = "it lies beyond the end of the image" if network else "--model MODEL.fml shows it"
    return Verdict("valid", True, f"{ready}; {missing}", ())


def _answer(image: bytes, network: Network, exit: int) -> Answer | None:
    tensor = network.tensors[network.exits[exit - 1].tensor if exit else network.output]
    data = image[ARENA_OFFSET + tensor.place.offset : ARENA_OFFSET + tensor.place.end]
    if len(data) < tensor.place.size:
        return None
    scores = np.frombuffer(data, np.int8)
    values = real_scores(scores, tensor.scale, tensor.zero_point, network.output_transform)
    label = int(int8_labels(scores[None], tensor.zero_point)[0])
    return Answer(label, tuple(scores.tolist()), tuple(values.tolist()))


def _running(record: Slot, network: Network | None) -> Verdict:
    tag, op, tile, boots = (record.fields[name] for name in ("tag", "op", "tile", "boots"))
    if network is not None and (op >= len(network.ops) or tile >= network.ops[op].steps):
        text = f"the record names operator {op}, step {tile}, which the model has not: it will not be resumed"
        return Verdict("foreign", False, f"{text}; the next start() works", ())
    progress = _progress(network, op, tile) if network else None
    where = f"step {progress.steps_done} of {progress.steps}" if progress else f"operator {op}, step {tile}"
    stands = f"inference tag {tag} stands at {where}"
    if boots >= BOOT_LIMIT:
        text = f"no progress for {boots} boots: {stands}, and the steps up to the next commit may not fit the energy per charge"
        advice = "wait for more energy, cancel(), or pack for a target file with this device's energy"
        return Verdict("valid", False, text, (advice,), progress)
    notes = [f"opened {boots} times since the last commit; {BOOT_LIMIT} mean no progress"] if boots else []
    if progress is None:
        notes.append("--model MODEL.fml tells how far that is")
    name = f" ({progress.op_name})" if progress else ""
    return Verdict("valid", True, f"{stands}{name}: resume() will finish it", tuple(notes), progress)


def _progress(network: Network, op: int, tile: int) -> Progress:
    step = int(network.first_steps[op]) + tile
    return Progress(step, network.steps, network.ops[op].name, network.ops[op].steps, network.interval(step))
