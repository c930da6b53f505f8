"""Every network of the zoo, from module to graph."""

from __future__ import annotations

import pytest
from freeml_pack.graph import Activation, Conv2d, OutputTransform
from frontend.compare import check, find, kinds
from zoo import ZOO


@pytest.mark.parametrize("name", ZOO)
def test_graph_computes_what_torch_does(name: str) -> None:
    check(*ZOO[name]())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cnn_bn", "Quantize Conv2d MaxPool2d Conv2d MaxPool2d Conv2d"),
        ("mlp_bn", "Quantize Conv2d Conv2d"),
        ("cnn_1d", "Quantize Conv2d MaxPool2d Conv2d AveragePool2d Conv2d"),
        ("shufflenet", "Quantize Conv2d Conv2d Copy Conv2d Copy DepthwiseConv2d AveragePool2d Conv2d"),
    ],
)
def test_no_op_is_left_that_costs_without_need(name: str, expected: str) -> None:
    assert " ".join(kinds(check(*ZOO[name]()))) == expected


def test_layers_keep_the_names_that_the_author_gave() -> None:
    graph = check(*ZOO["resnet_b"]())
    convolution = find(graph, "layer2.0.shortcut.0")
    assert isinstance(convolution, Conv2d)
    assert convolution.activation is None
    assert find(graph, "layer2.0.conv1").activation == Activation("relu")
    assert find(graph, "layer2.0.add").activation == Activation("relu")


def test_softmax_at_the_end_becomes_an_output_transform() -> None:
    assert check(*ZOO["ds_cnn"]()).output_transform == OutputTransform.SOFTMAX
    assert check(*ZOO["mlp_bn"]()).output_transform == OutputTransform.LOG_SOFTMAX
