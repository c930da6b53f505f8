"""From lists of element offsets to strided views."""

from __future__ import annotations

import numpy as np

from freeml_pack.graph import Strides, View

_LONGEST_AXIS = 0xFFFF  # schema/model.fbs
_MOST_VIEWS = 64  # one op each; more means that the rearrangement has no regular pattern worth the name

Loop = tuple[int, np.ndarray]
"""(iterations, [source stride, destination stride])"""


def find_views(source: np.ndarray, destination: np.ndarray) -> list[View] | None:
    """Views that together copy element source[i] to destination[i] for every i, None where there is no regular pattern.

    Both int64 [n], n >= 1, in the order of the destination. Nested loops are found from the inside out; the three
    innermost make a view, further ones repeat it.
    """
    pairs = np.stack([source, destination], axis=1)
    for parts in range(1, _MOST_VIEWS + 1):
        if len(pairs) % parts == 0:
            found = [_nest(pairs[part::parts]) for part in range(parts)]  # parts: channels in no order, one by one
            views = [view for nest in found for view in nest or ()]
            if all(found) and len(views) <= _MOST_VIEWS:
                return views
    return None


def _nest(pairs: np.ndarray) -> list[View] | None:
    """Views of one nest of loops, None where there is none."""
    loops = _find_loops(pairs)
    if loops is None:
        return None
    inner, outer = loops[:3], loops[3:]
    starts = pairs[:1]
    for size, step in outer:
        starts = (starts[None] + np.arange(size)[:, None, None] * step).reshape(-1, 2)
    return [_view(start, inner) for start in starts] if len(starts) <= _MOST_VIEWS else None


def _find_loops(pairs: np.ndarray) -> list[Loop] | None:
    """Loops, innermost first, that generate [n, 2] (source, destination) pairs."""
    loops: list[Loop] = []
    while len(pairs) > 1:
        step = pairs[1] - pairs[0]
        size = _longest_run(pairs, step)
        if size == 1:
            return None
        loops.append((size, step))
        pairs = pairs[::size]
    return loops


def _longest_run(pairs: np.ndarray, step: np.ndarray) -> int:
    """Largest size such that all consecutive blocks of that size advance by `step`."""
    breaks = np.flatnonzero((np.diff(pairs, axis=0) != step).any(axis=1)) + 1
    longest = int(min(breaks[0] if len(breaks) else len(pairs), _LONGEST_AXIS))
    for size in range(longest, 1, -1):
        if len(pairs) % size == 0 and not (breaks % size).any():
            return size
    return 1


def _view(start: np.ndarray, loops: list[Loop]) -> View:
    nothing: Loop = (1, np.zeros(2, np.int64))
    if len(loops) == 3:
        depth, columns, rows = loops
    else:
        depth, rows = ([*loops, nothing, nothing])[:2]
        columns = nothing

    def side(which: int) -> Strides:
        return Strides(int(start[which]), *(int(loop[1][which]) for loop in (rows, columns, depth)))

    return View((rows[0], columns[0], depth[0]), side(0), side(1))
