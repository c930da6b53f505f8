"""Small float graphs with random weights that use every operator, alone and together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from freeml_pack.graph import Activation, Graph, Window
from quantize.builder import Builder

RELU = Activation("relu")


def _window(kernel: int, stride: int = 1, padding: int = 0) -> Window:
    return Window((kernel, kernel), (stride, stride), padding=(padding,) * 4)


class _Random:
    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def weight(self, *shape: int) -> np.ndarray:
        spread = self._generator.uniform(0.3, 1.5, (shape[0], *[1] * (len(shape) - 1)))
        return (self._generator.normal(size=shape) * spread * np.prod(shape[1:]) ** -0.5).astype(np.float32)

    def bias(self, size: int) -> np.ndarray:
        return self._generator.normal(0.0, 0.3, size).astype(np.float32)


def plain() -> Graph:
    r, b = _Random(1), Builder(12, 10, 3)
    x = b.conv(b.input, r.weight(8, 3, 3, 3), r.bias(8), Window((3, 3), dilation=(2, 1), padding=(2, 1, 2, 1)), RELU)
    x = b.max_pool(x, _window(3, 2, 1))
    x = b.conv(x, r.weight(12, 3, 3, 4), r.bias(12), _window(3, 1, 1), Activation("relu6"), groups=2)
    x = b.average_pool(x, _window(2, 2))
    return b.graph(b.linear(b.linear(x, r.weight(16, 72), r.bias(16), RELU), r.weight(5, 16), r.bias(5)))


def residual() -> Graph:
    r, b = _Random(2), Builder(9, 9, 4)
    x = b.conv(b.input, r.weight(8, 3, 3, 4), r.bias(8), _window(3, 1, 1), RELU)
    y = b.conv(x, r.weight(8, 3, 3, 8), r.bias(8), _window(3, 1, 1))
    x = b.add(y, x, RELU)
    y = b.conv(x, r.weight(16, 3, 3, 8), r.bias(16), _window(3, 2, 1))
    x = b.add(y, b.shortcut(x, 16), sign=-1)
    x = b.average_pool(x, _window(1), adaptive=(1, 1))
    return b.graph(b.linear(x, r.weight(4, 16), r.bias(4)))


def mobile() -> Graph:
    """Depthwise, squeeze and excite, hardswish; a look-up after an addition."""
    r, b = _Random(3), Builder(8, 8, 6)
    hardswish = Activation("hardswish")
    x = b.conv(b.input, r.weight(8, 1, 1, 6), r.bias(8), _window(1), hardswish)
    y = b.depthwise(x, r.weight(16, 3, 3), r.bias(16), _window(3, 1, 1), Activation("silu"))
    gate = b.average_pool(y, _window(1), adaptive=(1, 1))
    gate = b.conv(gate, r.weight(16, 1, 1, 16), r.bias(16), _window(1), Activation("hardsigmoid"))
    y = b.conv(b.multiply(y, gate), r.weight(8, 1, 1, 16), r.bias(8), _window(1))
    x = b.add(x, y, Activation("tanh"))
    x = b.average_pool(x, Window((3, 2), (2, 2), padding=(1, 1, 1, 1)), act=Activation("sigmoid"))
    return b.graph(b.linear(x, r.weight(4, 160), r.bias(4)))


def branches() -> Graph:
    """Concatenation of parts with like and with unlike ranges, uneven adaptive pooling."""
    r, b = _Random(4), Builder(7, 6, 2)
    x = b.conv(b.input, r.weight(6, 3, 3, 2), r.bias(6), _window(3, 1, 1), RELU)
    y = b.conv(x, r.weight(4, 1, 1, 6) * 30.0, r.bias(4), _window(1), RELU)
    z = b.max_pool(x, _window(3, 1, 1))
    x = b.concat([x, y, z])
    x = b.conv(x, r.weight(8, 1, 1, 16), r.bias(8), _window(1), Activation("hardtanh", (-0.5, 2.0)))
    x = b.average_pool(x, _window(1), adaptive=(3, 4))
    x = b.average_pool(x, _window(3, 1, 1), divisor=9)
    return b.graph(b.linear(x, r.weight(3, 96), r.bias(3)))


NETWORKS: dict[str, Callable[[], Graph]] = {"plain": plain, "residual": residual, "mobile": mobile, "branches": branches}
