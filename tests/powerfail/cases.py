"""The models of the power-cut campaign: blobs from the real packer, two samples each, and the answers of the numpy oracle."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import graphs
import numpy as np
from freeml_pack.blob import write_blob
from freeml_pack.graph import Graph, Window
from freeml_pack.oracle import run_oracle
from freeml_pack.plan import MemoryPlan, plan, separate
from priced import steady

if TYPE_CHECKING:
    from torch import nn

SAMPLES = 2  # LAPS of native/powerfail/device.h


@dataclass(frozen=True)
class Case:
    """A model to cut. The samples are uint8 [SAMPLES, sample bytes], the answers int8 [SAMPLES, scores], those of early
    exits int8 [SAMPLES, exits, scores]."""

    name: str
    blob: bytes
    samples: np.ndarray
    answers: np.ndarray
    exits: np.ndarray  # int8 [SAMPLES, exits, scores]

    def write(self, folder: Path) -> Path:
        """Writes what native/powerfail/case.c reads."""
        path = folder / f"{self.name}.case"
        sizes = struct.pack("<4I", len(self.blob), self.samples.shape[1], self.answers.shape[1], self.exits.shape[1])
        path.write_bytes(sizes + b"".join([self.blob, *(a.tobytes() for a in (self.samples, self.answers, self.exits))]))
        return path


def case_of(name: str, graph: Graph, memory_plan: MemoryPlan) -> Case:
    samples = np.random.default_rng(1).integers(0, 256, (SAMPLES, graph.sample.size), np.uint8)
    values = run_oracle(graph, samples, trace=True)
    answers = values[graph.output].reshape(SAMPLES, -1)
    exits = [values[exit.tensor].reshape(SAMPLES, -1) for exit in graph.exits]
    return Case(name, write_blob(graph, memory_plan), samples, answers, np.stack([answers, *exits], 1)[:, 1:])


def residual() -> Graph:
    """Two blocks with a shortcut each: tensors that live across commits."""
    b = graphs.Builder(np.random.default_rng(5))
    x = b.conv(b.quantize((2, 6, 5)), 4, Window((3, 3), padding=(1, 1, 1, 1)))
    for _ in range(2):
        y = b.conv(x, 4, Window((3, 3), padding=(1, 1, 1, 1)), lookup=True)
        x = b.add(x, b.depthwise(y, Window((3, 3), padding=(1, 1, 1, 1))))
    return b.finish(b.linear(b.adaptive_pool(x, (1, 1)), 4))


def concatenation() -> Graph:
    """Parts of a tensor from several operators, with a border."""
    b = graphs.Builder(np.random.default_rng(6))
    x = b.quantize((2, 4, 4))
    joined = b.concat(b.conv(x, 4, Window((1, 1))), x, b.max_pool(x, Window((3, 3), padding=(1, 1, 1, 1))))
    return b.finish(b.linear(b.flatten(b.pad(joined, 1)), 3))


def in_bands() -> Graph:
    """A shortcut around a convolution, by rows: parts of tensors are copied, rows of the sample taken again."""
    b = graphs.Builder(np.random.default_rng(8))
    x = b.conv(b.quantize((1, 12, 6)), 6, Window((3, 3), padding=(1, 1, 1, 1)))
    y = b.add(b.conv(x, 6, Window((3, 3), padding=(1, 1, 1, 1))), x)
    graph = b.finish(b.linear(b.flatten(b.max_pool(y, Window((3, 3), (3, 3)))), 4))
    separated = separate(graph, 0)  # as far as it goes
    assert len(separated.ops) > 2 * len(graph.ops)
    return separated


def finely_planned(graph: Graph) -> MemoryPlan:
    """The planner's plan for a device whose commits are cheap and whose power fails often: small steps, many commits."""
    return plan(graph, steady(1_500, commit=100))


def small_cases() -> Iterator[Case]:
    """Made in a moment, without PyTorch."""
    for name, graph in (("chain", graphs.chain()), ("residual", residual()), ("concatenation", concatenation())):
        yield case_of(f"{name}-tight", graph, graphs.tight_plan(graph, np.random.default_rng(3)))
        yield case_of(f"{name}-roomy", graph, graphs.roomy_plan(graph, np.random.default_rng(4)))
        yield case_of(f"{name}-planned", graph, finely_planned(graph))
    yield case_of("encoded-tight", graphs.encoded(), graphs.tight_plan(graphs.encoded(), np.random.default_rng(3)))
    yield case_of("separated-planned", in_bands(), finely_planned(in_bands()))
    for name, graph in (
        ("every-kind", graphs.every_kind()),
        ("in-parts", graphs.in_parts()),
        ("with-exits", graphs.with_exits()),
    ):
        yield case_of(f"{name}-tight", graph, graphs.tight_plan(graph, np.random.default_rng(9)))
        yield case_of(f"{name}-planned", graph, finely_planned(graph))


def commit_left_out() -> Case:
    """A plan that breaks the commit rule: a plan with buffers used again, and without the commits between. Only a core with
    the rule's check taken out opens it."""
    graph = graphs.chain()
    good = graphs.tight_plan(graph, np.random.default_rng(3))
    ops = tuple(replace(op, commit_every=0, commit_last=False) for op in good.ops)
    return case_of("commit-left-out", graph, replace(good, ops=ops))


def packed_graph(name: str, network: nn.Module, shape: tuple[int, ...], folder: Path) -> Graph:
    """The int8 graph that the whole packer makes of a network. shape: of a sample, without the batch."""
    import torch
    from freeml_pack.pipeline import PackOptions, pack

    torch.set_num_threads(1)
    path = folder / f"{name}.pt2"
    torch.export.save(torch.export.export(network.eval(), (torch.zeros(1, *shape),)), path)
    return pack(PackOptions(model=path)).graph


def zoo_cases(folder: Path) -> Iterator[Case]:
    """The conformance networks of tests/zoo.py, for a target with its arena in mapped NVM. Takes PyTorch, and some seconds."""
    from zoo import ZOO

    target = steady(20_000, commit=100)
    for name, build in ZOO.items():
        graph = packed_graph(name, *build(), folder)
        yield case_of(name, graph, plan(graph, target))
