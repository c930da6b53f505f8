"""Nonvolatile memory that loses power on purpose, at a chosen access."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from freeml_pack.engine import Engine, Session


class PowerCut(Exception):  # noqa: N818 (an event, not an error)
    """Power failed."""


class CutNvm:
    """Memory as freeml.h's fml_nvm promises it and no better: what was synced stays; of what was written since, a power cut
    keeps an arbitrary part. `keep`: given the number of unsynced bytes, which of them are kept (a bool each)."""

    def __init__(self, size: int, keep: Callable[[int], np.ndarray]) -> None:
        self.data = np.zeros(size, np.uint8)
        self.accesses = 0  # writes and syncs so far
        self.cut_at: int | None = None  # the access at which power fails
        self.bytes_written = 0
        self._keep = keep
        self._unsynced: list[tuple[int, np.ndarray]] = []

    def read(self, offset: int, size: int) -> bytes:
        seen = self.data.copy()
        for begin, data in self._unsynced:
            seen[begin : begin + len(data)] = data
        return seen[offset : offset + size].tobytes()

    def write(self, offset: int, data: bytes) -> None:
        self._unsynced.append((offset, np.frombuffer(data, np.uint8)))
        self.bytes_written += len(data)
        self._access()

    def sync(self) -> None:
        self._access()
        self._settle(lambda size: np.ones(size, bool))

    def _settle(self, keep: Callable[[int], np.ndarray]) -> None:
        for begin, data in self._unsynced:
            kept = keep(len(data))
            self.data[begin : begin + len(data)][kept] = data[kept]
        self._unsynced.clear()

    def _access(self) -> None:
        self.accesses += 1
        if self.accesses - 1 == self.cut_at:
            self._settle(self._keep)
            raise PowerCut


KEEPERS: dict[str, Callable[[np.random.Generator], Callable[[int], np.ndarray]]] = {
    "nothing": lambda rng: lambda size: np.zeros(size, bool),
    "everything": lambda rng: lambda size: np.ones(size, bool),
    "prefix": lambda rng: lambda size: np.arange(size) < rng.integers(0, size + 1),
    "any": lambda rng: lambda size: rng.random(size) < 0.5,
}


def infer(engine: Engine, nvm: CutNvm, sample: bytes, tag: int, steps_per_call: int = 0) -> np.ndarray:
    """The scores of a sample, from whatever the memory holds of it; PowerCut may come."""
    session = Session(engine, nvm)
    if session.phase == "idle" or session.tag != tag:
        session.start(sample, tag)
    while not session.step(steps_per_call):
        assert session.remaining > 0
    scores = session.output()
    assert scores is not None
    return scores
