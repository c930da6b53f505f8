"""From which margin on an exit's answer is good enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from freeml_pack.graph import NEVER

_HARMS = np.concatenate([[0.0], np.geomspace(0.001, 0.3, 60)])  # share of leaving samples whose answer gets worse


def margins(scores: np.ndarray) -> np.ndarray:
    """Difference of the two highest: int8 [..., classes] -> int [...]"""
    top = np.partition(scores.astype(np.int64), -2, axis=-1)
    return np.asarray(top[..., -1] - top[..., -2])


def leave(scores: np.ndarray, thresholds: Sequence[int]) -> np.ndarray:
    """int [N]: index of the exit that each sample takes; len(thresholds): none, the last layer answers. scores: int8
    [N, exits + 1, classes]"""
    limits = np.array(thresholds)
    sure = (margins(scores[:, :-1]) >= limits) & (limits < NEVER)
    return np.where(sure.any(1), sure.argmax(1), len(thresholds))


def choose_thresholds(scores: np.ndarray, labels: np.ndarray, macs: Sequence[int], max_drop: float) -> list[int]:
    """Thresholds that save most multiplications while accuracy falls by no more than max_drop points. scores: int8
    [N, exits + 1, classes]; macs: until each exit, and of the whole network. The samples are to be new to the head."""
    right = scores.argmax(2) == labels[:, None]
    gaps = margins(scores)
    work = np.array(macs)
    best, best_work = [NEVER] * (len(macs) - 1), float(work[-1])
    for harm in _HARMS:
        tried = [_lowest(gaps[:, d], right[:, d], right[:, -1], harm) for d in range(len(macs) - 1)]
        taken = leave(scores, tried)
        drop = 100 * (right[:, -1].mean() - right[np.arange(len(labels)), taken].mean())
        if drop <= max_drop and work[taken].mean() < best_work:
            best, best_work = tried, float(work[taken].mean())
    return best


def _lowest(gaps: np.ndarray, right: np.ndarray, right_at_last: np.ndarray, harm: float) -> int:
    """The lowest margin from which on the answers of this exit are worse than the last layer's by no more than a share `harm`
    of the samples that leave."""
    order = np.argsort(-gaps, kind="stable")
    worse = np.cumsum(right_at_last[order].astype(np.int64) - right[order])
    fits = worse <= harm * np.arange(1, len(gaps) + 1)
    ends = np.append(gaps[order][:-1] != gaps[order][1:], True)  # all samples of a margin leave, or none
    allowed = np.flatnonzero(fits & ends)
    return min(int(gaps[order][allowed[-1]]), NEVER) if len(allowed) else NEVER
