"""Puts files onto a board: only those that differ, each whole or not at all, checked by CRC-32 where they lie."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from freeml_pack.deploy.board import Board, BoardError, Facts
from freeml_pack.engine import Engine
from freeml_pack.errors import PackError

_TEMPORARY = ".new"  # appended to the name of a file that is being written

_OPEN = """
import gc
from freeml import Model
gc.collect()
before = gc.mem_alloc()
model = Model({path!r})
gc.collect()
print((gc.mem_alloc() - before, gc.mem_free()))
"""
_ANSWER = """
from time import ticks_diff, ticks_ms
from binascii import a2b_base64
model.start(a2b_base64({sample!r}))
begun = ticks_ms()
model.step()
spent = ticks_diff(ticks_ms(), begun)
print((bytes(model.output()), model.prediction().label, spent))
model.cancel()
"""


@dataclass(frozen=True)
class Fit:
    """Bytes of the board's heap: what the opened model takes, with journal and arena in RAM, and what is left beside it."""

    model: int
    left: int


@dataclass(frozen=True)
class Answer:
    label: int
    milliseconds: int
    same: bool  # as the C core on this computer, to the byte


def differing(board: Board, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those of the files (content by path on the board) that the board does not have, or has otherwise."""
    return {path: content for path, content in files.items() if board.check(path) != _check(content)}


def remove_leftovers(board: Board, files: Iterable[str]) -> None:
    """What interrupted copies left."""
    board.remove([path + _TEMPORARY for path in files])


def check_space(facts: Facts, files: Mapping[str, bytes]) -> None:
    """PackError where the flash is too small for these files beside what it has."""
    block = max(1, facts.flash_block)
    needed = sum((len(content) + block - 1) // block * block + block for content in files.values())  # a block for the name
    if needed > facts.flash_free:
        raise PackError(
            f"the board's file system lacks {needed - facts.flash_free:,} bytes: {needed:,} are needed, "
            f"{facts.flash_free:,} are free; remove files from it, or pack a smaller model (freeml-pack --size)"
        )


def install(board: Board, files: Mapping[str, bytes], progress: Callable[[int, str], None]) -> None:
    """Writes each file under another name, checks it and renames it. So after any interruption the old file is still there,
    or the new one. progress: called with bytes that were sent, and the file's name. PackError where the board fails."""
    for path, content in files.items():
        _install(board, path, content, lambda count, path=path: progress(count, path))  # type: ignore[misc]


def _install(board: Board, path: str, content: bytes, progress: Callable[[int], None]) -> None:
    temporary = path + _TEMPORARY
    try:
        board.write(temporary, content, progress)
        if board.check(temporary) != _check(content):
            raise PackError(f"{path} arrived damaged; the old file is still there: check the cable and run this again")
        board.rename(temporary, path)
    except BoardError as error:
        board.remove([temporary])
        advice = "the old file is still there: free some space on the board"
        raise PackError(f"the board could not write {path} ({error}); {advice}") from error


def _check(content: bytes) -> tuple[int, int]:
    return len(content), zlib.crc32(content)


def open_model(board: Board, path: str) -> Fit:
    """Opens the model on the board; the board keeps it as `model`. PackError where that fails."""
    try:
        taken, left = board.ask(_OPEN.format(path=path))
    except BoardError as error:
        raise PackError(f"all files are on the board, but the model does not open there: {error}") from error
    return Fit(taken, left)


def answer(board: Board, engine: Engine, sample: np.ndarray) -> Answer:
    """Lets the board's model, which open_model() has opened, answer for a sample (uint8 [sample size])."""
    text = base64.b64encode(sample.tobytes())
    try:
        scores, label, milliseconds = board.ask(_ANSWER.format(sample=text))
    except BoardError as error:
        raise PackError(f"the model failed on the board: {error}") from error
    return Answer(label, milliseconds, scores == engine.run(sample).tobytes())
