"""What people call the operators."""

from __future__ import annotations

from freeml_pack.graph import Add, AveragePool2d, Conv2d, Copy, DepthwiseConv2d, Fill, MaxPool2d, Multiply, Op, Quantize

_NAMES: dict[type[Op], str] = {
    Quantize: "quantize",
    Conv2d: "conv",
    DepthwiseConv2d: "depthwise",
    MaxPool2d: "max pool",
    AveragePool2d: "average pool",
    Add: "add",
    Multiply: "multiply",
    Copy: "copy",
    Fill: "fill",
}


def op_name(kind: type[Op], kernel: tuple[int, int] | None, input_size: tuple[int, int], *, adaptive: bool = False) -> str:
    """For instance "conv 3x3" or "linear". kernel, input_size: (height, width); kernel is None for kinds without a window."""
    if kind is Conv2d and kernel == input_size:
        return "linear"
    if adaptive:
        return f"adaptive {_NAMES[kind]}"
    return _NAMES[kind] + (" {}x{}".format(*kernel) if kernel else "")
