"""Operators that only move elements: torch itself applies them to the index."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch.utils import _pytree as pytree

from freeml_pack.frontend.to_graph.builder import Builder
from freeml_pack.frontend.to_graph.handlers import HANDLERS, handles
from freeml_pack.frontend.to_graph.value import ZERO, Value, from_layout, to_layout

# Views, and copies whose elements are all elements of the input.
_MOVES = """
    view reshape _unsafe_view view_copy _reshape_alias flatten unflatten ravel permute permute_copy transpose
    transpose_copy t t_copy swapaxes swapdims movedim moveaxis squeeze squeeze_copy unsqueeze unsqueeze_copy expand
    expand_copy repeat repeat_interleave tile flip roll rot90 slice slice_copy select select_copy narrow narrow_copy
    index_select chunk split split_copy split_with_sizes split_with_sizes_copy tensor_split unbind unbind_copy hsplit
    vsplit pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle diagonal as_strided index _unsafe_index unfold
"""

# The same elements at the same places.
_KEEPS = """
    clone contiguous detach detach_ alias alias_copy lift_fresh lift_fresh_copy dropout feature_dropout alpha_dropout
    feature_alpha_dropout native_dropout identity positive requires_grad_ real
"""


def move(operator: Any, value: Value, *arguments: Any, **named: Any) -> Any:
    """Applies a torch operator to the index; the result is a Value or a tuple of them."""
    moved = operator(torch.from_numpy(value.index.copy()), *arguments, **named)
    return pytree.tree_map(lambda index: Value(value.tensor, index.contiguous().numpy(), value.transform), moved)


def _move(packet: Any, b: Builder, value: Value, *arguments: Any, **named: Any) -> Any:
    return move(packet, value, *arguments, **named)


def _register_moves() -> None:
    for name in _MOVES.split():
        packet = getattr(torch.ops.aten, name, None)
        if packet is not None:
            HANDLERS[name] = partial(_move, packet)


_register_moves()


@handles("upsample_nearest1d", "upsample_nearest2d")
def upsample(b: Builder, value: Value, *arguments: Any) -> Value:
    operator = getattr(torch.ops.aten, b.operator.removeprefix("aten."))
    # torch does not interpolate integers; float64 holds offsets exactly.
    return move(lambda index: operator(index.double(), *arguments).long(), value)


@handles(*_KEEPS.split())
def keep(b: Builder, value: Value, *_: Any, **__: Any) -> Any:
    return (value, None) if b.operator == "aten.native_dropout" else value


@handles("to", "_to_copy", "type_as")
def convert(b: Builder, value: Value, *arguments: Any, **named: Any) -> Value:
    for argument in (*arguments, *named.values()):
        if isinstance(argument, torch.dtype) and not argument.is_floating_point:
            raise b.error(f"it makes {argument} numbers of the data; keep to floating point")
    return value


@handles("sym_size", "size")
def size(b: Builder, value: Value, axis: int | None = None) -> Any:
    return value.shape if axis is None else value.shape[axis]


@handles("pad", "constant_pad_nd")
def pad(b: Builder, value: Value, amounts: list[int], *rest: Any) -> Value:
    mode, fill = rest if b.operator == "aten.pad" else ("constant", rest[0] if rest else 0)
    if mode != "constant":
        return extend(b, value, amounts, mode)
    if fill:
        raise b.error(f"padding with {fill} is not supported; pad with zeros")
    return move(lambda index: torch.ops.aten.constant_pad_nd(index, amounts, ZERO), value)


@handles("reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d")
def pad_by_mode(b: Builder, value: Value, amounts: list[int]) -> Value:
    return extend(b, value, amounts, "reflect" if "reflection" in b.operator else "replicate")


def extend(b: Builder, value: Value, amounts: list[int], mode: str) -> Value:
    """Padding with elements of the input (torch's modes reflect, replicate, circular): copied part by part."""
    index, batched = b.strip(value)
    padded = torch.nn.functional.pad(torch.from_numpy(index)[None].double(), amounts, mode)[0].long().numpy()
    layout, places = to_layout(padded), to_layout(from_layout(padded.shape))
    bands = []
    for axis, (before, after) in enumerate((amounts[-2:], amounts[:2]) if len(amounts) == 4 else (amounts, (0, 0))):
        size = layout.shape[axis]
        ends = sorted({0, max(before, 0), size - max(after, 0), size})
        bands.append([slice(begin, end) for begin, end in pairwise(ends)])
    pieces = [
        (value.tensor, layout[rows, columns].ravel(), places[rows, columns].ravel())
        for rows in bands[0]
        for columns in bands[1]
    ]
    return b.wrap(b.gather(pieces, layout.shape), from_layout(padded.shape), batched)


@handles("zeros_like", "new_zeros")
def zeros_like(b: Builder, value: Value, *arguments: Any, **_: Any) -> torch.Tensor:
    return torch.zeros(arguments[0] if b.operator == "aten.new_zeros" else value.shape)


@handles("ones_like", "new_ones")
def ones_like(b: Builder, value: Value, *arguments: Any, **_: Any) -> torch.Tensor:
    return torch.ones(arguments[0] if b.operator == "aten.new_ones" else value.shape)
