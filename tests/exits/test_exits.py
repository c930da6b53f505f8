"""The shared exit head: places, integers, thresholds, confidence."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import prod

import graphs
import numpy as np
import pytest
from freeml_pack.errors import PackError
from freeml_pack.exit_head import Depth
from freeml_pack.exits.calibrate import calibration_error, fit_temperature
from freeml_pack.exits.choose import candidates, choose
from freeml_pack.exits.thresholds import choose_thresholds, leave, margins
from freeml_pack.graph import NEVER, Graph, Window
from freeml_pack.oracle import run_oracle
from freeml_pack.plan import CommitRuleError, check_commit_rule
from freeml_pack.quantize import add_exits
from freeml_pack.scores import probabilities


def residual() -> Graph:
    """Seven convolutions, three shortcuts; only what comes out of a block is a place for an exit."""
    b = graphs.Builder(np.random.default_rng(5))
    x = b.conv(b.quantize((2, 12, 12)), 8, Window((3, 3), padding=(1, 1, 1, 1)))
    for _ in range(3):
        y = b.conv(b.conv(x, 8, Window((3, 3), padding=(1, 1, 1, 1))), 8, Window((3, 3), padding=(1, 1, 1, 1)))
        x = b.add(x, y)
    x = b.max_pool(x, Window((2, 2), (2, 2)))
    return b.finish(b.linear(b.flatten(x), 4))


def test_places_are_where_everything_passes() -> None:
    graph = residual()
    blocks = [op.output for op in graph if type(op).__name__ == "Add"]
    names = [place.tensor for place in candidates(graph)]
    assert names[1:3] == blocks[:2]
    assert blocks[2] not in names, "a pool follows, and costs nothing"
    macs = [place.macs for place in candidates(graph)]
    assert macs == sorted(macs)
    assert macs[-1] <= graph.macs()


def test_choice() -> None:
    graph = residual()
    chosen = choose(graph)
    assert 1 <= len(chosen) <= 4
    assert all(b.macs - a.macs >= 0.05 * graph.macs() for a, b in pairwise(chosen))
    full = sum(graph.tensors[place.tensor].size for place in chosen)
    pooled = sum(prod(place.pool) * graph.tensors[place.tensor].shape[2] for place in chosen)
    assert pooled <= full / 25
    assert len(choose(graph, "1")) == 1
    second = candidates(graph)[1]
    assert [place.tensor for place in choose(graph, second.layer)] == [second.tensor]
    with pytest.raises(PackError, match="--exits names conv9, which is no place"):
        choose(graph, "conv9")


def random_head(graph: Graph, rng: np.random.Generator, samples: np.ndarray) -> tuple[Depth, ...]:
    """On the features of the int8 graph."""
    values, head, sums = run_oracle(graph, samples, trace=True), [], np.zeros((len(samples), 4))
    for place, pool in zip(candidates(graph)[:3], ((2, 2), (3, 3), (12, 12)), strict=True):
        quant = graph.tensors[place.tensor].quant
        assert quant is not None
        x = pooled((values[place.tensor] - float(quant.zero_point)) * quant.scale, pool)
        weight = rng.normal(0, 0.1, (4, *pool, x.shape[3])).astype(np.float32)
        sums = sums + x.reshape(len(x), -1) @ weight.reshape(4, -1).T
        scale, bias = float(rng.uniform(0.5, 2)), rng.normal(0, 1, 4).astype(np.float32)
        scores = scale * sums + bias
        ones = np.concatenate([x.reshape(len(x), -1), np.ones((len(x), 1))], 1)
        ranges = [(float(v.min()), float(v.max())) for v in (x, scores)]
        head.append(Depth(place.tensor, pool, weight, scale, bias, ranges[0], ranges[1], ones.T @ ones))
    return tuple(head)


def pooled(x: np.ndarray, pool: tuple[int, int]) -> np.ndarray:
    n, height, width, channels = x.shape
    return x.reshape(n, pool[0], height // pool[0], pool[1], width // pool[1], channels).mean((2, 4))


def float_scores(graph: Graph, head: tuple[Depth, ...], samples: np.ndarray) -> list[np.ndarray]:
    values, sums, scores = run_oracle(graph, samples, trace=True), np.zeros((len(samples), 4)), []
    for depth in head:
        quant = graph.tensors[depth.source].quant
        assert quant is not None
        x = pooled((values[depth.source] - float(quant.zero_point)) * quant.scale, depth.pool)
        sums = sums + x.reshape(len(x), -1) @ depth.weight.reshape(4, -1).T
        scores.append(depth.scale * sums + depth.bias)
    return scores


def test_the_head_in_integers() -> None:
    """Sums of several depths in one unit: the scores are the real ones within 3% of their range; the network is untouched."""
    rng = np.random.default_rng(2)
    graph = residual()
    samples = rng.integers(0, 256, (60, graph.sample.size), np.uint8)
    head = random_head(graph, rng, samples)
    with_exits = add_exits(graph, head)
    values = run_oracle(with_exits, samples, trace=True)
    assert np.array_equal(values[graph.output].reshape(60, -1), run_oracle(graph, samples))
    for exit, expected in zip(with_exits.exits, float_scores(graph, head, samples), strict=True):
        quant = with_exits.tensors[exit.tensor].quant
        assert quant is not None
        got = (values[exit.tensor].reshape(60, -1) - float(quant.zero_point)) * quant.scale
        assert np.abs(got - expected).max() <= 0.03 * np.ptp(expected)
    plan = graphs.tight_plan(with_exits, rng)
    check_commit_rule(with_exits, plan)
    assert add_exits(graph, ()) is graph


def test_plans_keep_the_scores() -> None:
    rng = np.random.default_rng(2)
    graph = residual()
    samples = rng.integers(0, 256, (20, graph.sample.size), np.uint8)
    with_exits = add_exits(graph, random_head(graph, rng, samples))
    plan = graphs.tight_plan(with_exits, rng)
    first = with_exits.exits[0].tensor
    later = with_exits.ops[-1].inputs[0]
    moved = replace(plan.tensors[first], offset=plan.tensors[later].offset)
    with pytest.raises(CommitRuleError, match=r"overwrit|survive"):
        check_commit_rule(with_exits, replace(plan, tensors={**plan.tensors, first: moved}))


def noisy_scores(rng: np.random.Generator, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """int8 [count, 3, 5] of three depths that know more and more, and labels."""
    labels = rng.integers(0, 5, count)
    truth = 40.0 * np.eye(5)[labels]
    noise = rng.normal(0, 1, (count, 3, 5)) * np.array([30.0, 20.0, 10.0])[:, None]
    return (truth[:, None] + noise).clip(-128, 127).astype(np.int8), labels


def test_thresholds_keep_the_drop() -> None:
    scores, labels = noisy_scores(np.random.default_rng(0))
    last = (scores[:, -1].argmax(1) == labels).mean()
    saved = []
    for drop in (0.0, 1.0, 5.0):
        thresholds = choose_thresholds(scores, labels, [10, 40, 100], drop)
        taken = leave(scores, thresholds)
        right = scores[np.arange(len(labels)), taken].argmax(1) == labels
        assert 100 * (last - right.mean()) <= drop + 1e-9
        saved.append(100 - np.array([10, 40, 100])[taken].mean())
    assert saved == sorted(saved)
    assert saved[1] > 10
    assert (leave(scores, [NEVER, NEVER]) == 2).all()
    assert (leave(scores, [0, NEVER]) == 0).all()


def test_margins() -> None:
    assert margins(np.array([[-128, 127, 3], [5, 5, 1]], np.int8)).tolist() == [124, 0]


def test_confidence_can_be_taken_at_its_word() -> None:
    rng = np.random.default_rng(1)
    q = rng.integers(-128, 128, (20000, 4)).astype(np.int8)
    chances = probabilities(q, 37.0)
    labels = (chances.cumsum(1) > rng.random((len(q), 1))).argmax(1)
    found = fit_temperature(q, labels)
    assert 34 < found < 40
    assert calibration_error(q, labels, found) < 0.02
    assert calibration_error(q, labels, 5.0) > 0.1
