"""Undoing training mode in a captured program."""

from __future__ import annotations

from typing import Any

import torch

# Operators with a switch for training: position of the argument.
_TRAINING_ARGUMENT = {
    "aten::batch_norm": 5,
    "aten::native_batch_norm": 5,
    "aten::_native_batch_norm_legit": 5,
    "aten::_native_batch_norm_legit_functional": 5,
    "aten::dropout": 2,
    "aten::feature_dropout": 2,
    "aten::alpha_dropout": 2,
    "aten::feature_alpha_dropout": 2,
    "aten::native_dropout": 2,
}


def to_eval_mode(module: torch.fx.GraphModule) -> None:
    """Changes the program in place: dropout keeps everything, batch norm uses the statistics that training collected."""
    for node in module.graph.nodes:
        operator: Any = node.target
        name = operator.name().split(".")[0] if isinstance(operator, torch._ops.OpOverload) else ""
        position = _TRAINING_ARGUMENT.get(name)
        has_statistics = "batch_norm" not in name or (len(node.args) > 3 and node.args[3] is not None)
        if position is None or not has_statistics:
            continue
        if len(node.args) > position:
            node.args = (*node.args[:position], False, *node.args[position + 1 :])
        else:
            node.kwargs = {**node.kwargs, operator._schema.arguments[position].name: False}
    module.recompile()
