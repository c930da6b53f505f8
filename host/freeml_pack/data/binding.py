"""A graph whose sample is one of the user's, as stored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from freeml_pack.data.layout import Layout, Numbers, find_normalisation
from freeml_pack.data.load import Data
from freeml_pack.errors import PackError
from freeml_pack.graph import Graph, Op, Quantize, Sample, Strides, View


def bind_data(graph: Graph, data: Data) -> Graph:
    """The graph whose sample is one of the data's, as stored. PackError where a label is not one of the model's classes."""
    classes = graph.tensors[graph.output].size
    for name, split in (("y_train", data.train), ("y_test", data.test)):
        if split is not None and split.y is not None and len(split.y) and classes > 1:
            wrong = split.y[(split.y < 0) | (split.y >= classes)]
            if len(wrong):
                raise PackError(
                    f"{name} has the label {wrong[0]}, but the model has {classes} classes: use labels 0..{classes - 1}."
                )
    layout = data.layout
    stored = np.arange(graph.sample.elements).reshape(1, *layout.stored)
    order = layout.to_model(stored).ravel()
    sample = Sample(layout.stored, data.sample_type, data.normalisation)
    return graph.with_(sample=sample, ops=tuple(_rebind(op, order) for op in graph))


def bind_normalisation(graph: Graph, *, mean: Numbers = None, std: Numbers = None, scale: Numbers = None) -> Graph:
    """For packing without data: the sample is floating-point numbers in the model's own layout."""
    layout = Layout(graph.sample.shape, graph.sample.shape, None)
    return graph.with_(sample=replace(graph.sample, normalisation=find_normalisation(layout, mean, std, scale)))


def _rebind(op: Op, order: np.ndarray) -> Op:
    """`order[i]`: where element i of the model's input lies in the stored sample."""
    if not isinstance(op, Quantize):
        return op
    space = op.view.space
    places = order[op.view.source.indices(space)]
    origin = int(places[0, 0, 0])
    row = int(places[1, 0, 0]) - origin if space[0] > 1 else 0
    column = int(places[0, 1, 0]) - origin if space[1] > 1 else 0
    depth = int(places[0, 0, 1]) - origin if space[2] > 1 else 0
    source = Strides(origin, row, column, depth)
    if (source.indices(space) != places).any():
        raise PackError(
            f"{op.name} reads the input in an order that the data's layout does not allow: store it as the model takes it."
        )
    return replace(op, view=View(space, source, op.view.destination))
