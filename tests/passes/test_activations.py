"""Fusion and recognition of activations, and removal of what is not needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from freeml_pack.graph import Activation, Copy, Graph
from freeml_pack.passes import standard
from frontend.compare import check, kinds
from torch import Tensor, nn
from torch.nn import functional as F

SHAPE = (4, 6, 6)


class After(nn.Module):
    """A function after a convolution, then a maximum, which fuses nothing itself."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.conv = nn.Conv2d(4, 4, 3)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(self.function(self.conv(x)), 2).flatten(1)


def graph_of(function: Callable[[Tensor], Tensor]) -> Graph:
    return check(After(function), SHAPE)


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (F.relu, "relu"),
        (F.hardswish, "hardswish"),
        (lambda x: x * F.relu6(x + 3) / 6, "hardswish"),
        (lambda x: F.relu6(3 + x) * (1 / 6) * x, "hardswish"),
        (lambda x: x * F.hardsigmoid(x), "hardswish"),
        (lambda x: torch.sigmoid(x) * x, "silu"),
        (lambda x: F.relu6(x + 3) / 6, "hardsigmoid"),
    ],
)
def test_one_table_in_the_op_before(function: Callable[[Tensor], Tensor], kind: str) -> None:
    graph = graph_of(function)
    assert kinds(graph)[:3] == ["Quantize", "Conv2d", "MaxPool2d"]
    assert graph.ops[1].activation == Activation(kind)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * F.relu6(x + 2) / 6,
        lambda x: x * F.relu6(x + 3) / 5,
        lambda x: F.relu6(x + 3) / 6 + F.relu6(x + 3),
        lambda x: F.relu(x) * torch.sigmoid(x),
        lambda x: x * (gate := torch.sigmoid(x)) + gate,
    ],
)
def test_what_only_looks_alike_keeps_its_meaning(function: Callable[[Tensor], Tensor]) -> None:
    assert all(op.activation is None or op.activation.kind not in ("hardswish", "silu") for op in graph_of(function))


def test_an_activation_after_a_concatenation_goes_into_its_copies() -> None:
    graph = graph_of(lambda x: F.relu(torch.cat([x, x.flip(3) + x], 1)))
    writers = [op for op in graph if isinstance(op, Copy) and op.activation]
    assert [op.activation for op in writers] == [Activation("relu")] * 2
    assert len({op.output for op in writers}) == 1


def test_an_activation_that_moves_zero_stays_out_of_a_padding() -> None:
    graph = graph_of(lambda x: torch.sigmoid(F.pad(x, (1, 1, 0, 0))))
    assert sum(op.activation == Activation("sigmoid") for op in graph) == 1


def test_a_second_activation_is_an_op_of_its_own() -> None:
    graph = graph_of(lambda x: torch.tanh(F.relu(x)))
    assert [op.activation for op in graph.ops[1:3]] == [Activation("relu"), Activation("tanh")]


def test_the_output_of_the_graph_is_never_fused_away() -> None:
    module = nn.Sequential(nn.Linear(5, 3), nn.ReLU())
    graph = check(module, (5,))
    assert graph.ops[-1].activation == Activation("relu")
    assert graph.ops[-1].output == graph.output


def test_what_nobody_reads_is_dropped() -> None:
    graph = graph_of(F.relu)
    unread = replace(graph.ops[1], name="unread", output="unread")
    tensors = {**graph.tensors, "unread": replace(graph.tensors[graph.ops[1].output], name="unread")}
    cleaned = standard(graph.with_(ops=(*graph.ops, unread), tensors=tensors))
    assert cleaned.ops == graph.ops
    assert cleaned.tensors == graph.tensors


def test_running_the_passes_twice_changes_nothing() -> None:
    graph = graph_of(lambda x: x * F.relu6(x + 3) / 6 + torch.cat([x[:, :2], F.relu(x[:, 2:])], 1))
    again = standard(graph)
    assert [(op.name, op.inputs, op.output, op.activation) for op in again] == [
        (op.name, op.inputs, op.output, op.activation) for op in graph
    ]
