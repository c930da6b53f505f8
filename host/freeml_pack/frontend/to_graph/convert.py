"""ExportedProgram -> Graph: interprets the program's nodes with `Value`s for whatever depends on the sample."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from freeml_pack.errors import PackError
from freeml_pack.frontend.to_graph import arithmetic, linear, shapes, transposed, windows  # noqa: F401 - they fill HANDLERS
from freeml_pack.frontend.to_graph.builder import Builder
from freeml_pack.frontend.to_graph.handlers import HANDLERS
from freeml_pack.frontend.to_graph.value import SAMPLE, Value
from freeml_pack.graph import Activation, Copy, Graph, OutputTransform, Sample

_CHECKS = ("_assert_", "sym_constrain_range", "_check")
_SUPPORTED = (
    "replace it: convolutions, linear layers, batch norm, pooling, pointwise activations, add, multiply, concatenation, "
    "slicing, padding and reshaping are"
)


def to_graph(program: ExportedProgram, name: str, sample_shape: tuple[int, ...], batch: int | None) -> Graph:
    """The float graph of a functional program (`ExportedProgram.run_decompositions({})`).

    sample_shape: one sample, without the batch. batch: size of the batch axis, None where the program takes one sample
    without such an axis. Raises PackError where an operator is not supported, with the layer's name.
    """
    builder = Builder(sample_shape, batch or 1)
    shape = sample_shape if batch is None else (batch, *sample_shape)
    sample = Value(SAMPLE, np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape))
    environment = _inputs(program, sample)
    with torch.no_grad():
        for node in program.graph.nodes:
            if node.op == "call_function":
                environment[node] = _call(builder, program, node, environment)
            elif node.op == "get_attr":
                environment[node] = operator.attrgetter(node.target)(program.graph_module)
    return _finish(builder, name, _output(program, environment))


def _inputs(program: ExportedProgram, sample: Value) -> dict[torch.fx.Node, Any]:
    environment: dict[torch.fx.Node, Any] = {}
    placeholders = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    for spec in program.graph_signature.input_specs:
        node = placeholders[spec.arg.name]
        if spec.kind == InputKind.USER_INPUT:
            environment[node] = getattr(spec.arg, "value", sample)  # constants among the inputs have a value
        elif spec.target in program.state_dict:
            environment[node] = program.state_dict[spec.target]
        else:
            environment[node] = program.constants[spec.target]
    return environment


def _call(builder: Builder, program: ExportedProgram, node: torch.fx.Node, environment: dict[torch.fx.Node, Any]) -> Any:
    arguments, keywords = torch.fx.map_arg((node.args, node.kwargs), lambda argument: environment[argument])
    target: Any = node.target
    is_operator = isinstance(target, torch._ops.OpOverload | torch._ops.HigherOrderOperator)
    if not is_operator or not _has_value([arguments, list(keywords.values())]):
        return target(*arguments, **keywords)
    name = target.name().split("::")[-1].split(".")[0] if isinstance(target, torch._ops.OpOverload) else target.name()
    if name.startswith(_CHECKS):
        return None
    builder.layer = _layer(program, node, name)
    builder.operator = f"aten.{name}"
    if isinstance(target, torch._ops.HigherOrderOperator):
        raise builder.error("control flow that depends on data is not supported; make forward() do the same for every input")
    handler = HANDLERS.get(name)
    if handler is None:
        raise builder.error(f"this operator is not supported; {_SUPPORTED}")
    try:
        positional, named = _all_arguments(target, arguments, keywords)
        return handler(builder, *positional, **named)
    except PackError:
        raise
    except Exception as error:
        raise builder.error(f"this use of the operator is not supported ({type(error).__name__}: {error})") from error


def _has_value(tree: Any) -> bool:
    if isinstance(tree, list | tuple):
        return any(_has_value(branch) for branch in tree)
    return isinstance(tree, Value)


def _all_arguments(target: Any, arguments: Any, keywords: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Positional arguments in the order of the schema, defaults filled in; keyword-only arguments that are given."""
    named = dict(keywords)
    missing = [argument for argument in target._schema.arguments[len(arguments) :] if not argument.kwarg_only]
    filled = [named.pop(argument.name, argument.default_value) for argument in missing]
    return [*arguments, *filled], named


def _layer(program: ExportedProgram, node: torch.fx.Node, operator_name: str) -> str:
    """The layer as the user knows it: the module path, plus the operator where a module's forward() calls a function."""
    signature = program.graph_signature
    named = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    for source in node.all_input_nodes:
        if source.name in named and "." in named[source.name]:
            return named[source.name].rpartition(".")[0].removesuffix(".parametrizations.weight")
    stack = list(node.meta.get("nn_module_stack", {}).values())
    path, kind = stack[-1] if stack else ("", "")
    path = path.removeprefix("L['self']").removeprefix(".")
    is_layer = str(kind).startswith("torch.nn.modules.") and ".container." not in str(kind)
    return path if path and is_layer else f"{path}.{operator_name}".removeprefix(".")


def _output(program: ExportedProgram, environment: dict[torch.fx.Node, Any]) -> Value:
    """The one tensor that forward() returns."""
    returned = list(program.graph.output_node().args[0])
    specs = program.graph_signature.output_specs
    users = [node for node, spec in zip(returned, specs, strict=True) if spec.kind == OutputKind.USER_OUTPUT]
    if len(users) != 1:
        raise PackError(f"forward() returns {len(users)} values; wrap the model so that it returns the class scores only")
    value = environment.get(users[0]) if isinstance(users[0], torch.fx.Node) else users[0]
    if not isinstance(value, Value):
        raise PackError("forward() returns something that does not depend on its input; return the class scores")
    return value


def _finish(builder: Builder, name: str, value: Value) -> Graph:
    builder.layer, builder.operator = "output", "the order of the scores"
    transform = value.transform
    index, _ = builder.strip(Value(value.tensor, value.index))
    scores = index.ravel()
    if value.tensor != SAMPLE and np.array_equal(scores, np.arange(builder.size(value.tensor))):
        output = value.tensor
    else:
        output = builder.buffer(value.tensor, scores.reshape(1, 1, -1))
    ops, last = tuple(builder.ops), builder.ops[-1]
    # A sigmoid at the very end keeps its scores too: int8 would flatten its tails.
    lone_sigmoid = isinstance(last, Copy) and last.activation == Activation("sigmoid") and last.output == output
    if transform == OutputTransform.NONE and lone_sigmoid:
        ops, output, transform = ops[:-1], last.inputs[0], OutputTransform.SIGMOID
    return Graph(name, Sample(builder.sample_shape), ops, builder.tensors, output, transform)
