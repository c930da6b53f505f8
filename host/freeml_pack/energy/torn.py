"""What nonvolatile memory holds when power fails in the middle of a step or a commit."""

from __future__ import annotations

import numpy as np
from freeml_schema.journal import ARENA_OFFSET, SLOT_SIZE


def tear(before: bytes, after: bytes, first_slot: int, committed: float, rng: np.random.Generator) -> bytes:
    """The image between `before` and `after`: a step with the commit behind it, which goes to `first_slot` first.

    committed: how much of the commit's energy was there, 0 (power failed during the step) to 1. The step's bytes are
    then old, new or anything, the record is not begun; later the one slot or the other is."""
    old, new = np.frombuffer(before, np.uint8), np.frombuffer(after, np.uint8)
    result = old.copy()
    arena = slice(ARENA_OFFSET, None)
    slots = [slice(slot * SLOT_SIZE, (slot + 1) * SLOT_SIZE) for slot in (first_slot, 1 - first_slot)]
    if committed <= 0:
        _tear(result[arena], new[arena], rng)
        return result.tobytes()
    result[arena] = new[arena]
    if committed >= 0.5:
        result[slots[0]] = new[slots[0]]
    torn = slots[committed >= 0.5]
    _tear(result[torn], new[torn], rng)
    return result.tobytes()


def _tear(memory: np.ndarray, new: np.ndarray, rng: np.random.Generator) -> None:
    """Each byte that was to change stays, changes, or becomes anything."""
    places = np.flatnonzero(memory != new)
    fate = rng.integers(0, 3, len(places))
    anything = rng.integers(0, 256, len(places), np.uint8)
    memory[places] = np.choose(fate, (memory[places], new[places], anything))
