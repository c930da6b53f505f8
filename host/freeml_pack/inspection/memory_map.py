"""The arena as a picture: bytes run downwards, operators to the right, each cell says who lives there."""

from __future__ import annotations

import numpy as np
from rich.text import Text

from freeml_pack.inspection.network import Network
from freeml_pack.plan import Allocation

_ROWS = 16
_FREE, _SAMPLE = "·", "S"
_COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")


def memory_map(network: Network, width: int) -> Text:
    """At most `width` columns. Where there is no room for every byte and every operator, a cell names the tensor that fills
    most of it."""
    rows = min(_ROWS, network.arena_size)
    margin = len(f"{network.arena_size:,}") + 2
    cell = len(str(len(network.tensors) - 1)) + 1
    columns = min(len(network.ops), (width - margin) // cell)
    offsets = np.linspace(0, network.arena_size, rows + 1).round().astype(np.int64)
    ops = np.linspace(0, len(network.ops), columns + 1).round().astype(np.int64)
    owners = _owners([network.sample, *(tensor.place for tensor in network.tensors)], offsets, ops)
    text = Text(" " * margin)
    for number in ops[:-1]:
        text.append(f"{number % 10 ** (cell - 1):>{cell}}", style="dim")
    for row in range(rows):
        text.append(f"\n{offsets[row]:>{margin - 2},}  ", style="dim")
        for owner in owners[row]:
            text.append(*_cell(int(owner), cell))
    return text


def _cell(owner: int, width: int) -> tuple[str, str]:
    """(text, style); owner -1: nobody, 0: the sample, then the tensors."""
    if owner < 0:
        return f"{_FREE:>{width}}", "dim"
    name = _SAMPLE if owner == 0 else str(owner - 1)
    return f"{name:>{width}}", _COLOURS[owner % len(_COLOURS)]


def _owners(places: list[Allocation], offsets: np.ndarray, ops: np.ndarray) -> np.ndarray:
    """int64 [rows, columns]: index of the place that has the largest part of each cell, -1 where none has any."""
    shares = np.array(
        [
            np.outer(_overlaps(offsets, place.offset, place.end), _overlaps(ops, place.first_op, place.last_op + 1))
            for place in places
        ]
    )
    return np.where(shares.any(axis=0), shares.argmax(axis=0), -1)


def _overlaps(bounds: np.ndarray, begin: int, end: int) -> np.ndarray:
    """Length of the overlap of begin..end with each bounds[i]..bounds[i + 1]."""
    return np.clip(np.minimum(bounds[1:], end) - np.maximum(bounds[:-1], begin), 0, None)
