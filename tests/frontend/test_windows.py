"""Convolutions and pools of random shapes, strides, paddings and dilations, against torch."""

from __future__ import annotations

from typing import Any

import torch
from frontend.compare import check
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

SETTINGS = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SMALL = st.integers(1, 3)


@st.composite
def images(draw: st.DrawFn) -> tuple[int, int, int]:
    return draw(st.integers(1, 6)), draw(st.integers(1, 9)), draw(st.integers(1, 9))


def reach(kernel: tuple[int, int], dilation: tuple[int, int]) -> tuple[int, int]:
    return dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1


@SETTINGS
@given(
    shape=images(),
    kernel=st.tuples(SMALL, st.integers(1, 4)),
    stride=st.tuples(SMALL, SMALL),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=st.tuples(SMALL, SMALL),
    border=st.tuples(*[st.integers(0, 2)] * 4),
    outputs=SMALL,
    grouped=st.booleans(),
    seed=st.integers(0, 99),
)
def test_convolution(
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    border: tuple[int, int, int, int],
    outputs: int,
    grouped: bool,
    seed: int,
) -> None:
    channels, height, width = shape
    tall, wide = reach(kernel, dilation)
    assume(height + 2 * padding[0] + border[2] + border[3] >= tall and width + 2 * padding[1] + border[0] + border[1] >= wide)
    assume(padding[0] < tall and padding[1] < wide)
    torch.manual_seed(seed)
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": channels if grouped else 1}
    conv = nn.Conv2d(channels, channels * outputs if grouped else outputs, kernel, **options)
    check(nn.Sequential(nn.ZeroPad2d(border), conv, nn.Flatten()), shape)


@SETTINGS
@given(
    shape=images(),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(SMALL, SMALL),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    ceil_mode=st.booleans(),
    average=st.booleans(),
    count_include_pad=st.booleans(),
)
def test_pool(
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    ceil_mode: bool,
    average: bool,
    count_include_pad: bool,
) -> None:
    assume(padding[0] <= kernel[0] // 2 and padding[1] <= kernel[1] // 2)
    assume(not (ceil_mode and average and count_include_pad and any(padding)))  # not supported
    tall, wide = kernel if average else reach(kernel, dilation)
    assume(shape[1] + 2 * padding[0] >= tall and shape[2] + 2 * padding[1] >= wide)
    pool: nn.Module = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    if average:
        pool = nn.AvgPool2d(kernel, stride, padding, ceil_mode, count_include_pad)
    check(nn.Sequential(pool, nn.Flatten()), shape)


@SETTINGS
@given(shape=images(), rows=st.integers(1, 9), columns=st.integers(1, 9))
def test_adaptive_average(shape: tuple[int, int, int], rows: int, columns: int) -> None:
    check(nn.Sequential(nn.AdaptiveAvgPool2d((rows, columns)), nn.Flatten()), shape)
