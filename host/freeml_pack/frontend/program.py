"""ExportedProgram -> LoadedModel: what all formats end in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from freeml_pack.errors import PackError
from freeml_pack.frontend.eval_mode import to_eval_mode
from freeml_pack.frontend.loaded import LoadedModel
from freeml_pack.frontend.predict import Predict, predictor
from freeml_pack.frontend.quiet import first_line, quiet
from freeml_pack.frontend.to_graph import to_graph

Shape = tuple[int, ...]


def from_program(
    program: ExportedProgram, name: str, kind: str, input_shape: Shape | None, predict: Predict | None = None
) -> LoadedModel:
    """input_shape: one sample, as the user's data has it; None: the program's example. predict: how to run the original
    model; None: the program itself."""
    placeholder = _sample_placeholder(program)
    _check_weights(program)
    to_eval_mode(program.graph_module)
    sample_shape, batch = _split_batch(placeholder, _output_shape(program), input_shape)
    with quiet():
        if predict is None:
            dynamic = not isinstance(placeholder.shape[0], int) if batch is not None else False
            step = None if batch is None else 128 if dynamic else batch
            predict = predictor(_callable(program), placeholder.dtype, step)
        try:
            functional = program.run_decompositions({})
        except Exception as error:
            raise PackError(
                f"the model cannot be reduced to plain operators ({first_line(error)}); simplify forward()"
            ) from error
        graph = to_graph(functional, name, sample_shape, batch)
    return LoadedModel(graph, predict, sample_shape, kind)


def _callable(program: ExportedProgram) -> Callable[[torch.Tensor], Any]:
    """The program as a function of the sample, which it may take by name."""
    module = program.module()
    by_name = program.example_inputs is not None and not program.example_inputs[0] and list(program.example_inputs[1])
    return (lambda x: module(**{by_name[0]: x})) if by_name else module


def _sample_placeholder(program: ExportedProgram) -> torch.Tensor:
    """The (fake) tensor that stands for the one input."""
    names = [spec.arg.name for spec in program.graph_signature.input_specs if spec.kind == InputKind.USER_INPUT]
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    tensors = [values[name] for name in names if isinstance(values.get(name), torch.Tensor)]
    if len(tensors) != 1:
        raise PackError(f"the model takes {len(tensors)} input tensors; wrap it so that forward() takes one")
    if not tensors[0].is_floating_point():
        number_type = str(tensors[0].dtype).removeprefix("torch.")
        raise PackError(
            f"the model takes {number_type} numbers (an embedding?), FreeML feeds real ones; export it with a float32 example"
        )
    return tensors[0]


def _check_weights(program: ExportedProgram) -> None:
    for name, tensor in program.state_dict.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise PackError(f"the weights hold NaN or infinity in '{name}'; training has diverged, use an earlier checkpoint")


def _output_shape(program: ExportedProgram) -> Shape:
    """() where it is not known."""
    returned = program.graph.output_node().args[0]
    for node, spec in zip(returned, program.graph_signature.output_specs, strict=True):
        value = getattr(node, "meta", {}).get("val")
        if spec.kind == OutputKind.USER_OUTPUT and isinstance(value, torch.Tensor):
            return tuple(_number(size) for size in value.shape)
    return ()


def _number(size: Any) -> int:
    """A size, or the example's where it is symbolic."""
    if isinstance(size, int):
        return size
    hint = size.node.hint
    return int(hint) if hint is not None else 2


def _split_batch(placeholder: torch.Tensor, output: Shape, wanted: Shape | None) -> tuple[Shape, int | None]:
    """(shape of a sample, batch size to read the program with, None where it has no batch axis)."""
    sizes = tuple(placeholder.shape)
    shape = tuple(_number(size) for size in sizes)
    batch = shape[0] if sizes and isinstance(sizes[0], int) else 1
    if wanted is None:
        has_batch = len(shape) > 1 and len(output) > 1 and output[0] == shape[0]
        return (shape[1:], batch) if has_batch else (shape, None)
    if _fits(sizes[1:], wanted):
        return wanted, batch
    if _fits(sizes, wanted):
        return wanted, None
    raise PackError(
        f"the model was exported for samples of shape {shape[1:]}, but the data or --input-shape says {wanted}; "
        "use the shape that the model was trained with"
    )


def _fits(sizes: tuple[Any, ...], wanted: Shape) -> bool:
    if len(sizes) != len(wanted):
        return False
    return all(not isinstance(size, int) or size == number for size, number in zip(sizes, wanted, strict=True))
