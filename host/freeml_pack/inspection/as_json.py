"""Inspections for programs: what `freeml-inspect --json` prints, one object. Sizes and offsets are in bytes, ids and CRCs
hexadecimal strings, shapes lists; an offset of the arena counts from its start.

Always: `file`, `kind` ("blob" or "nvm"), `bytes` (of the file), `good`.

A blob: `faults` (sentences), `engine` (what the C core says), `sections` (`name`, `offset`, `size`, `crc32`, `state`: "good",
"damaged", "cut off", "unknown"), `network` (null where the metadata cannot be relied on): `name`, `target`, `version`,
`model_id`, `sample_type`, `sample_shape`, `sample_offset`, `sample_bytes`, `output` (tensor), `output_transform`,
`arena_bytes`, `nvm_bytes`, `macs`, `steps`, `commits`, `dearest_interval`, `tensors` (`shape`, `scale`, `zero_point`, `offset`,
`bytes`, `first_op`, `last_op`), `ops` (`kind`, `name`, `inputs`, `output`, `space`, `window`: null or
`kernel`, `stride`, `dilation`, `padding` at the top and the left, `groups`, `channels`: of the input, from and to, and `pool`;
`activation`: lowest and highest, `lookup`, `sums_in`, `sums_out`, `encoding`, `weight_bits`, `density`: share of the weights
that are not 0, null where it is not known; `tile`, `steps`, `commit_every`, `commit_last`, `commits`, `constant_bytes`,
`macs`), `exits` (`op`, `tensor`, `threshold`, `temperature`); `scratch_bytes` and `streamed_scratch_bytes` (null
where the core refuses the blob).

An NVM image: `verdict`, `notes`, `journal` ("blank", "valid", "foreign", "damaged"), `slots` (`number`, `state`: "good",
"damaged", "blank", `problems`: names of wrong fields, `fields`: the record's as they stand, `crc32`: as it should be),
`newest` (number of the slot that counts, or null), `phase` ("IDLE", "RUNNING", "DONE", or null where no slot counts), `model`
(name, or null without --model), `progress` (null unless an inference is under way and the model is known): `steps_done`,
`steps`, `op_name`, `op_steps`, `interval` to the next commit; `answer` (null unless there is one and the model is known):
`label`, `scores` (int8), `values` (real).

An interval: `first_step`, `last_step`, `first_op`, `last_op` (all included), `macs`. A real number that is not finite is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from freeml_schema.journal import ARENA_OFFSET

from freeml_pack.inspection.blob import BlobFacts
from freeml_pack.inspection.network import Network, NetworkOp, NetworkTensor
from freeml_pack.inspection.nvm import Journal, Slot
from freeml_pack.inspection.verdict import Answer, Verdict

_HEXADECIMAL = ("model_id", "crc32")  # fields of a record


def blob_json(file: str, facts: BlobFacts) -> dict[str, Any]:
    return {
        "file": file,
        "kind": "blob",
        "bytes": facts.size,
        "good": not facts.faults,
        "faults": facts.faults,
        "engine": facts.engine,
        "sections": [asdict(section) for section in facts.sections],
        "network": _network(facts.network, facts.densities) if facts.network else None,
        "scratch_bytes": facts.scratch_size,
        "streamed_scratch_bytes": facts.streamed_scratch_size,
    }


def _network(network: Network, densities: Sequence[float | None]) -> dict[str, Any]:
    return {
        "name": network.name,
        "target": network.target,
        "version": network.version,
        "model_id": f"{network.model_id:08x}",
        "sample_type": network.sample_type.name,
        "sample_shape": network.sample_shape,
        "sample_offset": network.sample.offset,
        "sample_bytes": network.sample.size,
        "output": network.output,
        "output_transform": network.output_transform.name,
        "arena_bytes": network.arena_size,
        "nvm_bytes": ARENA_OFFSET + network.arena_size,
        "macs": network.macs,
        "steps": network.steps,
        "commits": network.commits,
        "dearest_interval": asdict(network.dearest_interval()),
        "tensors": [_tensor(tensor) for tensor in network.tensors],
        "exits": [asdict(exit) for exit in network.exits],
        "ops": [_op(op, densities[i] if densities else None) for i, op in enumerate(network.ops)],
    }


def _tensor(tensor: NetworkTensor) -> dict[str, Any]:
    place = tensor.place
    return {
        "shape": tensor.shape,
        "scale": _finite(tensor.scale),
        "zero_point": tensor.zero_point,
        "offset": place.offset,
        "bytes": place.size,
        "first_op": place.first_op,
        "last_op": place.last_op,
    }


def _op(op: NetworkOp, density: float | None) -> dict[str, Any]:
    return {
        "kind": op.kind,
        "name": op.name,
        "inputs": op.inputs,
        "output": op.output,
        "space": op.space,
        "window": asdict(op.window) if op.window else None,
        "activation": op.activation,
        "lookup": op.lookup,
        "encoding": op.encoding.name,
        "weight_bits": int(op.encoding.name[-1]),
        "density": density,
        "sums_in": op.sums_in,
        "sums_out": op.sums_out,
        **asdict(op.plan),
        "steps": op.steps,
        "commits": op.commits,
        "constant_bytes": op.constant_bytes,
        "macs": op.macs,
    }


def nvm_json(file: str, size: int, journal: Journal, verdict: Verdict, network: Network | None) -> dict[str, Any]:
    return {
        "file": file,
        "kind": "nvm",
        "bytes": size,
        "good": verdict.good,
        "verdict": verdict.text,
        "notes": verdict.notes,
        "journal": verdict.state,
        "slots": [_slot(slot) for slot in journal.slots],
        "newest": journal.newest.number if journal.newest else None,
        "phase": journal.newest.phase if journal.newest else None,
        "model": network.name if network else None,
        "progress": asdict(verdict.progress) if verdict.progress else None,
        "answer": _answer(verdict.answer) if verdict.answer else None,
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return asdict(answer) | {"values": [_finite(value) for value in answer.values]}


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _slot(slot: Slot) -> dict[str, Any]:
    fields = {name: f"{value:08x}" if name in _HEXADECIMAL else value for name, value in slot.fields.items()}
    return asdict(slot) | {"fields": fields, "crc32": f"{slot.crc32:08x}"}
