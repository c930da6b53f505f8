"""Every kernel equals the plain definition of SPEC.md, bit for bit, in every geometry, tile by tile in any order."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from freeml_pack.encodings import CODED, codebook_of, directory, encode_block, encoded_size
from freeml_pack.graph import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from native import kernel_reference as reference
from native.kernel_library import ADAPTIVE, FLAGS, SAMPLE_TYPES, SUMS_IN, SUMS_OUT, Case, Run, Shape, Strides, View, Window

EXAMPLES = settings(max_examples=120, deadline=None)
SMALL = st.integers(1, 3)
Draw = Callable[[st.SearchStrategy[Any]], Any]


def check(case: Case, expected: np.ndarray, rng: np.random.Generator) -> None:
    """Runs the tiles in random order, some twice; each changes its own box to the expected bytes and nothing else.
    `expected` is over the iteration space, which here is the output."""
    output = rng.integers(-128, 128, case.output_shape).astype(np.int8)
    run = Run(case, output)
    count = reference.tile_count(case)
    assert run.tiles == count
    for index in [*rng.permutation(count), rng.integers(count)]:
        output[reference.box(case, int(index))] = expected[reference.box(case, int(index))]
        np.testing.assert_array_equal(run.tile(int(index)), output)
    np.testing.assert_array_equal(output, expected)


@st.composite
def generators(draw: Draw) -> np.random.Generator:
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


def int8s(draw: Draw, rng: np.random.Generator, shape: tuple[int, ...], lowest: int = -128) -> np.ndarray:
    """Random numbers, or only the two extremes."""
    if draw(st.booleans()):
        return rng.choice(np.array([lowest, 127], np.int8), shape)
    return rng.integers(lowest, 128, shape).astype(np.int8)


def limits(draw: Draw) -> tuple[int, int]:
    low = draw(st.sampled_from([-128, -128, -20, 0]))
    return low, draw(st.sampled_from([127, 127, 90, low]))


ZERO_POINT = st.sampled_from([-128, 127, 0, -3, 55])


def zero_points(draw: Draw) -> Shape:
    return draw(ZERO_POINT), draw(ZERO_POINT), draw(ZERO_POINT)


def extent(draw: Draw, kernel: int, stride: int, dilation: int) -> tuple[int, int, int]:
    """(input size, output size, leading padding) of an axis in which every window touches the input."""
    before = draw(st.integers(0, min((kernel - 1) * dilation, 6)))
    size = draw(st.integers(1, 9))
    origins = [i * stride - before for i in range(draw(st.integers(1, 7)))]
    touching = [any(0 <= o + t * dilation < size for t in range(kernel)) for o in origins]
    if not touching[0]:
        return size, 1, 0
    return size, [*touching, False].index(False), before


def window_and_shapes(
    draw: Draw, kernel: st.SearchStrategy[int], dilation: st.SearchStrategy[int] = SMALL
) -> tuple[Window, tuple[int, int], tuple[int, int]]:
    kernels, strides, dilations = ((draw(s), draw(s)) for s in (kernel, SMALL, dilation))
    axes = [extent(draw, *axis) for axis in zip(kernels, strides, dilations, strict=True)]
    window = Window(kernels, strides, dilations, (axes[0][2], axes[1][2]))
    return window, (axes[0][0], axes[1][0]), (axes[0][1], axes[1][1])


def tile_of(draw: Draw, space: Shape, unit: int = 1) -> Shape:
    """Any tile, also one larger than the space; channels in whole units, or all."""
    rows, columns = (draw(st.integers(1, size + 1)) for size in space[:2])
    units = draw(st.integers(1, -(-space[2] // unit)))
    return rows, columns, space[2] if units * unit >= space[2] else units * unit


def shift_limit(largest: int) -> int:
    """The largest left shift with which an accumulator stays in int32."""
    return min(15, 31 - int(largest).bit_length())


def channel_constants(
    draw: Draw, rng: np.random.Generator, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """(bias, multiplier, shift, left_shift), accumulators up to the edge of int32."""
    most = 128 * int(np.abs(weight.astype(np.int64)).sum(axis=tuple(range(1, weight.ndim))).max())
    channels = weight.shape[0]
    edge = draw(st.booleans())
    bound = (2**31 - 1 - most) if edge else max(most, 1)
    bias = rng.integers(-bound, bound + 1, channels)
    left = 0 if edge else draw(st.integers(0, shift_limit(most + bound)))
    low = draw(st.sampled_from([0, 16384, 32767]))
    high = draw(st.sampled_from([3, 12, 18, 32]))
    return np.asarray(bias), np.asarray(rng.integers(low, 32768, channels)), np.asarray(rng.integers(1, high, channels)), left


def pack_channels(bias: np.ndarray, m: np.ndarray, s: np.ndarray, weights: bytes) -> bytes:
    return bias.astype("<i4").tobytes() + m.astype("<u2").tobytes() + s.astype("u1").tobytes() + weights


def pad_4(array: np.ndarray, value: int = 0) -> np.ndarray:
    return np.concatenate([array, np.full((-len(array) % 4, *array.shape[1:]), value, array.dtype)])


def pack_conv(weight: np.ndarray, bias: np.ndarray, m: np.ndarray, s: np.ndarray, groups: int, tile_channels: int) -> bytes:
    out = len(weight)
    step = min(tile_channels, out) if groups == 1 else out // groups
    parts = []
    for begin in range(0, out, step):
        part = slice(begin, min(begin + step, out))
        w = pad_4(weight[part].reshape(len(weight[part]), -1))
        blocks = w.reshape(-1, 4, w.shape[1]).transpose(0, 2, 1)
        parts.append(pack_channels(pad_4(bias[part]), pad_4(m[part]), pad_4(s[part], 1), blocks.tobytes()))
    return b"".join(parts)


def unpack_conv(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(weight, bias, multiplier, shift) of what pack_conv made, of whatever tiles."""
    assert case.input is not None
    out, groups = case.output_shape[2], case.window.groups
    taps = case.window.kernel[0] * case.window.kernel[1] * case.input.shape[2] // groups
    step = min(case.tile[2], out) if groups == 1 else out // groups
    data, parts = memoryview(case.params), []
    for begin in range(0, out, step):
        n = min(step, out - begin)
        stored = -(-n // 4) * 4
        bias, m, s, w = (
            np.frombuffer(data[stored * first : stored * end], dtype)
            for first, end, dtype in ((0, 4, "<i4"), (4, 6, "<u2"), (6, 7, "u1"), (7, 7 + taps, "i1"))
        )
        weight = w.reshape(-1, taps, 4).transpose(0, 2, 1).reshape(stored, *case.window.kernel, -1)
        parts.append((weight[:n], bias[:n], m[:n], s[:n]))
        data = data[stored * (7 + taps) :]
    weight, bias, m, s = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return weight, bias, m, s


def pack_depthwise(weight: np.ndarray, bias: np.ndarray, m: np.ndarray, s: np.ndarray, tile_channels: int) -> bytes:
    parts = [slice(b, b + tile_channels) for b in range(0, len(weight), tile_channels)]
    return b"".join(pack_channels(bias[p], m[p], s[p], weight[p].tobytes()) for p in parts)


@st.composite
def convolutions(draw: Draw) -> tuple[Case, np.ndarray]:
    rng = draw(generators())
    window, size, out_size = window_and_shapes(draw, st.sampled_from([1, 1, 2, 3, 5]))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    group_in, group_out = draw(st.integers(1, 9)), draw(st.integers(1, 10))
    shape, output = (*size, groups * group_in), (*out_size, groups * group_out)
    weight = int8s(draw, rng, (groups * group_out, *window.kernel, group_in), -127)
    bias, m, s, left = channel_constants(draw, rng, weight)
    tile = tile_of(draw, output, 4 if groups == 1 else group_out)
    case = Case(
        "CONV_2D", output, tile, int8s(draw, rng, shape), zero_points=zero_points(draw), limits=limits(draw), left_shift=left,
        window=Window(window.kernel, window.stride, window.dilation, window.pad, groups),
        params=pack_conv(weight, bias, m, s, groups, tile[2]),
    )  # fmt: skip
    return case, reference.convolve(case, weight, bias, m, s)


@st.composite
def pooled_convolutions(draw: Draw) -> tuple[Case, np.ndarray]:
    """The output's height and width are what the window's number of pixels has room for."""
    rng = draw(generators())
    window, size, pixels = window_and_shapes(draw, st.sampled_from([1, 1, 2, 3, 5]))
    pool = tuple(draw(st.integers(1, n)) for n in pixels)
    groups = draw(st.sampled_from([1, 1, 2]))
    group_in, group_out = draw(st.integers(1, 5)), draw(st.integers(1, 10))
    output = (pixels[0] // pool[0], pixels[1] // pool[1], groups * group_out)
    weight = int8s(draw, rng, (output[2], *window.kernel, group_in), -127)
    bias, m, s, left = channel_constants(draw, rng, weight)
    tile = tile_of(draw, output, 4 if groups == 1 else group_out)
    case = Case(
        "CONV_2D", output, tile, int8s(draw, rng, (*size, groups * group_in)), zero_points=zero_points(draw),
        limits=limits(draw), left_shift=left, params=pack_conv(weight, bias, m, s, groups, tile[2]),
        window=Window(window.kernel, window.stride, window.dilation, window.pad, groups, (pool[0], pool[1])),
    )  # fmt: skip
    return case, reference.convolve(case, weight, bias, m, s)


@EXAMPLES
@given(pooled_convolutions(), generators())
def test_conv_2d_with_pooling(drawn: tuple[Case, np.ndarray], rng: np.random.Generator) -> None:
    check(*drawn, rng)


@EXAMPLES
@given(convolutions(), st.data(), generators())
def test_conv_2d_of_some_input_channels(drawn: tuple[Case, np.ndarray], data: st.DataObject, rng: np.random.Generator) -> None:
    """The same convolution, its input amid other channels."""
    case, expected = drawn
    assert case.input is not None
    before, own, behind = data.draw(SMALL) - 1, case.input.shape[2], data.draw(SMALL)
    shape = (*case.input.shape[:2], before + own + behind)
    x = rng.integers(-128, 128, shape).astype(np.int8)
    x[..., before : before + own] = case.input
    window = replace(case.window, channels=(before, own))
    check(case.with_(input=x, window=window), expected, rng)


def as_bytes(sums: np.ndarray) -> np.ndarray:
    """A tensor of sums: int8 with four times the channels."""
    return np.ascontiguousarray(sums.astype("<i4")).view(np.int8)


def check_sums(case: Case, expected: np.ndarray, rng: np.random.Generator) -> None:
    """As `check`, for an operator whose output is sums, int32 [height, width, channels]."""
    output = rng.integers(-128, 128, case.output_shape).astype(np.int8)
    run = Run(case, output)
    for index in rng.permutation(reference.tile_count(case)):
        box = reference.box(case, int(index))
        output.view("<i4")[box] = expected[box]
        np.testing.assert_array_equal(run.tile(int(index)), output)
    np.testing.assert_array_equal(output.view("<i4"), expected)


@EXAMPLES
@given(convolutions(), st.booleans(), generators())
def test_conv_2d_goes_on_from_sums(drawn: tuple[Case, np.ndarray], all_int32: bool, rng: np.random.Generator) -> None:
    """The sums come in; going out, anything modulo 2^32 is right."""
    case, _ = drawn
    weight, bias, m, s = unpack_conv(case)
    most = 2**31 - 1 if all_int32 else 10**5
    before = rng.integers(-most, most + 1, case.output_shape)
    sums = reference.accumulate(case, case.output_shape, weight, bias) + before
    height, width, channels = case.output_shape
    part = case.with_(input2=as_bytes(before), output_shape=(height, width, 4 * channels), flags=SUMS_IN | SUMS_OUT)
    check_sums(part, sums.astype(np.int64).astype("<u4").view("<i4"), rng)
    check_sums(part.with_(input2=None, flags=SUMS_OUT), (sums - before).astype("<i4"), rng)
    fits = np.abs(sums).max() << case.left_shift < 2**31
    if fits:
        last = case.with_(input2=as_bytes(before), flags=SUMS_IN)
        check(last, reference.requantized(last, sums, m, s), rng)


@EXAMPLES
@given(convolutions(), generators())
def test_conv_2d(drawn: tuple[Case, np.ndarray], rng: np.random.Generator) -> None:
    check(*drawn, rng)


ENCODINGS = [encoding for encoding in Encoding if encoding != Encoding.DENSE_8]


def sparse_weight(draw: Draw, rng: np.random.Generator, shape: tuple[int, ...], encoding: Encoding) -> np.ndarray:
    """int8 weights that the encoding has a place for: few values, and most of them zero, by themselves or in fours; often with
    gaps that no distance reaches over."""
    values = rng.integers(-127, 128, 15) if encoding in CODED else rng.integers(-127, 128, 1000)
    weight = rng.choice(values, shape)
    keep = rng.random(shape) < draw(st.sampled_from([0.0, 0.01, 0.2, 0.7, 1.0]))
    if draw(st.booleans()):
        keep = np.repeat(keep[::4], 4, axis=0)[: shape[0]]
    weight = np.where(keep, weight, 0)
    if draw(st.booleans()):
        weight.reshape(len(weight), -1)[:, -1] = values[0]
    return weight.astype(np.int8)


def pack_encoded(
    weight: np.ndarray, bias: np.ndarray, m: np.ndarray, s: np.ndarray, encoding: Encoding, tile_channels: int
) -> bytes:
    """The blocks behind their directory; what is in them is encodings.py's, which test_encodings.py holds to SPEC.md."""
    book = codebook_of(weight, encoding) if encoding in CODED else None
    blocks = []
    for begin in range(0, len(weight), tile_channels):
        p = slice(begin, begin + tile_channels)
        blocks.append(pack_channels(pad_4(bias[p]), pad_4(m[p]), pad_4(s[p], 1), encode_block(weight[p], encoding, book)))
    params = directory([len(block) for block in blocks]) + b"".join(blocks)
    assert len(params) == encoded_size(weight, encoding, tile_channels)
    return params


@st.composite
def encoded_convolutions(draw: Draw) -> tuple[Case, np.ndarray]:
    """Also linear layers, with up to 600 taps."""
    rng = draw(generators())
    encoding = draw(st.sampled_from(ENCODINGS))
    if draw(st.booleans()):
        window, size, out_size, inputs = Window(), (1, 1), (1, 1), draw(st.integers(1, 600))
    else:
        window, size, out_size = window_and_shapes(draw, st.sampled_from([1, 1, 2, 3, 5]))
        inputs = draw(st.integers(1, 24))
    output = (*out_size, draw(st.integers(1, 10) if out_size != (1, 1) else st.sampled_from([1, 7, 33, 70])))
    weight = sparse_weight(draw, rng, (output[2], *window.kernel, inputs), encoding)
    bias, m, s, left = channel_constants(draw, rng, weight)
    tile = tile_of(draw, output, 4)
    case = Case(
        "CONV_2D", output, tile, int8s(draw, rng, (*size, inputs)), zero_points=zero_points(draw), limits=limits(draw),
        left_shift=left, window=window, params=pack_encoded(weight, bias, m, s, encoding, tile[2]), encoding=encoding,
    )  # fmt: skip
    return case, reference.convolve(case, weight, bias, m, s)


@settings(max_examples=400, deadline=None)
@given(encoded_convolutions(), generators())
def test_encoded_conv_2d(drawn: tuple[Case, np.ndarray], rng: np.random.Generator) -> None:
    check(*drawn, rng)


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: e.name)
@pytest.mark.parametrize("inputs", [3, 40, 120])  # of fewer taps a core takes more pixels at a time
@pytest.mark.parametrize("tile_rows", [1, 2, 5])
def test_encoded_conv_2d_of_many_pixels(encoding: Encoding, inputs: int, tile_rows: int) -> None:
    """Each pixel's outputs differ from all others', and hardly any is at the end of its range."""
    rng = np.random.default_rng(inputs)
    weight = rng.choice(np.arange(-70, 70, 10), (9, 3, 3, inputs)) * (rng.random((9, 3, 3, inputs)) < 0.3)
    bias, m = rng.integers(-999, 999, 9), rng.integers(16384, 32768, 9)
    s = np.full(9, {3: 10, 40: 12, 120: 13}[inputs])
    params = pack_encoded(weight.astype(np.int8), bias, m, s, encoding, 9)
    x = rng.integers(-128, 128, (5, 7, inputs)).astype(np.int8)
    case = Case(
        "CONV_2D", (5, 7, 9), (tile_rows, 7, 9), x, left_shift=4, window=Window((3, 3), pad=(1, 1)), params=params,
        encoding=encoding,
    )  # fmt: skip
    expected = reference.convolve(case, weight, bias, m, s)
    assert len(np.unique(expected.reshape(-1, 9), axis=0)) == 35
    assert np.mean(np.abs(expected) == 127) < 0.1
    check(case, expected, rng)


def test_offset_8_where_sums_with_the_offset_leave_int32() -> None:
    """With it products are 128 * 255, without it 128 * 127; what they come to is right modulo 2^32."""
    weight = np.full((3, 2, 1, 33000), 127, np.int8)
    weight[1], weight[2] = -127, 1
    x = np.full((2, 1, 33000), -128, np.int8)
    bias, m, s = np.zeros(3, np.int64), np.full(3, 32767), np.full(3, 23)
    params = pack_encoded(weight, bias, m, s, Encoding.OFFSET_8, 3)
    case = Case("CONV_2D", (1, 1, 3), (1, 1, 3), x, window=Window((2, 1)), params=params, encoding=Encoding.OFFSET_8)
    expected = np.array([[[-64, 64, -1]]], np.int8)  # (-128 * 66000 * weight) / 2^24, rounded
    check(case, expected, np.random.default_rng(0))


def run_again(flags: str, tests: str) -> None:
    """Runs these tests with other kernels than this computer would have."""
    environment = os.environ | {"FREEML_CFLAGS": " ".join([*FLAGS, flags])}
    command = [sys.executable, "-m", "pytest", "-q", __file__, "-k", f"({tests}) and not _of_a_core"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_encoded_conv_2d_of_a_core_with_few_registers() -> None:
    """It takes fewer pixels at a time (kernels.h), and multiplies no two numbers to 64 bits."""
    run_again("-DFML_ENCODED_PAIRS=2 -DFML_LONG_MULTIPLY=0", "encoded_conv_2d")


def test_conv_2d_of_a_core_without_long_multiply() -> None:
    run_again("-DFML_LONG_MULTIPLY=0", "conv_2d and not encoded")


def test_linear_of_a_core_that_multiplies_halfwords() -> None:
    """As a Cortex-M4 does, with what its instructions do in C (intrinsics.h)."""
    run_again("-DFML_DUAL_MULTIPLY=1", "linear or squares")


def test_conv_2d_of_a_core_with_little_room() -> None:
    run_again("-Os", "conv_2d and not encoded")


def test_weights_with_an_offset() -> None:
    """On a core that multiplies halfwords; where code is small."""
    for flags in ("-DFML_DUAL_MULTIPLY=1", "-Os"):
        run_again(flags, "encoded_conv_2d or offset_8")


@pytest.mark.parametrize("outputs", [1, 6, 20])
@pytest.mark.parametrize("stride", [(1, 1), (2, 3), (5, 1)])
@pytest.mark.parametrize("pad", [(0, 0), (2, 4)])
@pytest.mark.parametrize("pool", [(1, 1), (2, 2), (3, 2)])
@pytest.mark.parametrize("inputs", [1, 6])
def test_conv_2d_in_squares(
    outputs: int, stride: tuple[int, int], pad: tuple[int, int], pool: tuple[int, int], inputs: int
) -> None:
    """Odd heights and widths, kernel rows all at once or some at a time, squares within pools and across them."""
    rng = np.random.default_rng(outputs + stride[0] + pad[0] + inputs)
    window = Window((5, 5), stride, pad=pad, pool=pool)
    x = rng.integers(-128, 128, (19, 23, inputs)).astype(np.int8)
    pixels = [(n + 2 * p - 5) // s + 1 for n, p, s in zip(x.shape, pad, stride, strict=False)]
    output = (pixels[0] // pool[0], pixels[1] // pool[1], outputs)
    weight = rng.integers(-127, 128, (outputs, 5, 5, inputs)).astype(np.int8)
    bias, m, s = rng.integers(-9999, 9999, outputs), rng.integers(9000, 32768, outputs), rng.integers(1, 9, outputs)
    case = Case(
        "CONV_2D", output, (min(5, output[0]), min(7, output[1]), outputs), x, zero_points=(-7, 0, 3), left_shift=1,
        window=window, params=pack_conv(weight, bias, m, s, 1, outputs),
    )  # fmt: skip
    check(case, reference.convolve(case, weight, bias, m, s), rng)


@pytest.mark.parametrize("inputs", [1, 2, 3, 4, 5, 17, 400])
@pytest.mark.parametrize("outputs", [1, 3, 4, 10, 121])
def test_linear(inputs: int, outputs: int) -> None:
    rng = np.random.default_rng(inputs * outputs)
    weight = rng.integers(-127, 128, (outputs, 1, 1, inputs)).astype(np.int8)
    bias, m, s = rng.integers(-9999, 9999, outputs), rng.integers(9000, 32768, outputs), rng.integers(1, 9, outputs)
    tile = (1, 1, min(8, outputs))
    x = rng.integers(-128, 128, (1, 1, inputs)).astype(np.int8)
    params = pack_conv(weight, bias, m, s, 1, tile[2])
    case = Case("CONV_2D", (1, 1, outputs), tile, x, left_shift=2, params=params)
    check(case, reference.convolve(case, weight, bias, m, s), rng)


def test_window_that_is_one_piece_of_memory() -> None:
    """1-D data (width 1) is read where it lies, and its pixels pair up along the height."""
    rng = np.random.default_rng(5)
    weight = rng.integers(-127, 128, (6, 5, 1, 7)).astype(np.int8)
    bias, m, s = rng.integers(-9999, 9999, 6), rng.integers(9000, 32768, 6), rng.integers(1, 9, 6)
    x = rng.integers(-128, 128, (31, 1, 7)).astype(np.int8)
    for pad in (0, 2):
        output = ((31 + 2 * pad - 5) // 2 + 1, 1, 6)
        case = Case(
            "CONV_2D", output, (5, 1, 6), x, zero_points=(-7, 0, 3), left_shift=1,
            window=Window((5, 1), (2, 1), pad=(pad, 0)), params=pack_conv(weight, bias, m, s, 1, 6),
        )  # fmt: skip
        check(case, reference.convolve(case, weight, bias, m, s), rng)
        size = Run(case, np.zeros(output)).scratch.size
        assert (size == 8 * 8 + 4 * 35) == (pad == 0), "only borders need a patch buffer beside channels and pairs"


@st.composite
def depthwise_convolutions(draw: Draw) -> tuple[Case, np.ndarray]:
    rng = draw(generators())
    window, size, out_size = window_and_shapes(draw, st.sampled_from([1, 2, 3, 3, 5]))
    channels, multiplier = draw(st.sampled_from([1, 2, 7, 31, 33, 70])), draw(st.sampled_from([1, 1, 2, 3]))
    weight = int8s(draw, rng, (channels * multiplier, *window.kernel), -127)
    bias, m, s, left = channel_constants(draw, rng, weight)
    output = (*out_size, channels * multiplier)
    tile = tile_of(draw, output)
    case = Case(
        "DEPTHWISE_CONV_2D", output, tile, int8s(draw, rng, (*size, channels)), zero_points=zero_points(draw),
        limits=limits(draw), left_shift=left, params=pack_depthwise(weight, bias, m, s, tile[2]),
        window=Window(window.kernel, window.stride, window.dilation, window.pad, channels),
    )  # fmt: skip
    return case, reference.depthwise(case, weight, bias, m, s)


@EXAMPLES
@given(depthwise_convolutions(), generators())
def test_depthwise_conv_2d(drawn: tuple[Case, np.ndarray], rng: np.random.Generator) -> None:
    check(*drawn, rng)


@st.composite
def pools(draw: Draw, kind: str) -> Case:
    rng = draw(generators())
    average = kind == "AVERAGE_POOL_2D"
    adaptive = average and draw(st.booleans())
    window, size, out_size = window_and_shapes(draw, st.sampled_from([1, 2, 3, 5]), st.just(1) if average else SMALL)
    if adaptive:
        out_size = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    channels = draw(st.integers(1, 9))
    output = (*out_size, channels)
    return Case(
        kind, output, tile_of(draw, output), int8s(draw, rng, (*size, channels)), zero_points=zero_points(draw),
        limits=limits(draw), window=window, flags=ADAPTIVE if adaptive else 0,
    )  # fmt: skip


@EXAMPLES
@given(pools("MAX_POOL_2D"), generators())
def test_max_pool_2d(case: Case, rng: np.random.Generator) -> None:
    check(case, reference.pool(case), rng)


def counts_of(case: Case) -> set[int]:
    height, width, _ = case.input.shape  # type: ignore[union-attr]
    counts = set()
    for row, column in np.ndindex(case.output_shape[:2]):
        rows, columns = reference.taps_of(case, row, column)
        counts.add(sum(0 <= y < height for y in rows) * sum(0 <= x < width for x in columns))
    return counts


@EXAMPLES
@given(pools("AVERAGE_POOL_2D"), generators(), st.booleans(), st.data())
def test_average_pool_2d(case: Case, rng: np.random.Generator, single: bool, data: st.DataObject) -> None:
    counts = counts_of(case)
    entries = 1 if single else max(counts)
    scales = [(int(m), int(s)) for m, s in zip(rng.integers(0, 32768, entries), rng.integers(1, 20, entries), strict=True)]
    params = b"".join(struct.pack("<HB", *scale) for scale in scales)
    left = data.draw(st.integers(0, shift_limit(max(counts) * 256)))
    case = case.with_(params=params, left_shift=left)
    check(case, reference.pool(case, scales), rng)


@st.composite
def elementwise(draw: Draw, kind: str) -> Case:
    rng = draw(generators())
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 9)))
    second = (1, 1, shape[2]) if kind == "MULTIPLY" and draw(st.booleans()) else shape
    return Case(
        kind, shape, tile_of(draw, shape), int8s(draw, rng, shape), int8s(draw, rng, second),
        zero_points=zero_points(draw), limits=limits(draw),
    )  # fmt: skip


FACTOR = st.integers(-(2**15), 2**15 - 1) | st.sampled_from([-(2**15), 2**15 - 1])


@EXAMPLES
@given(elementwise("ADD"), generators(), FACTOR, FACTOR, st.integers(1, 31))
def test_add(case: Case, rng: np.random.Generator, m1: int, m2: int, s: int) -> None:
    case = case.with_(params=struct.pack("<hhB", m1, m2, s))
    check(case, reference.add(case, m1, m2, s), rng)


@EXAMPLES
@given(elementwise("MULTIPLY"), generators(), st.integers(0, 2**15 - 1), st.integers(1, 31), st.integers(0, 15))
def test_multiply(case: Case, rng: np.random.Generator, m: int, s: int, left: int) -> None:
    case = case.with_(params=struct.pack("<HB", m, s), left_shift=min(left, shift_limit(255 * 255)))
    check(case, reference.multiply(case, m, s), rng)


def strides_over(draw: Draw, space: Shape) -> tuple[Strides, int]:
    """Strides that give each element of `space` its own place, axes in any order and direction, with gaps; and how many
    elements the array behind them has."""
    order = draw(st.permutations(range(3)))
    steps, size, offset = [0, 0, 0], draw(st.integers(1, 3)), 0
    for axis in order:
        steps[axis] = size
        size = size * space[axis] + draw(st.integers(0, 3))
    for axis in range(3):
        if draw(st.booleans()):
            offset += steps[axis] * (space[axis] - 1)
            steps[axis] = -steps[axis]
    return Strides(offset, *steps), size


def lookup_table(draw: Draw, rng: np.random.Generator) -> np.ndarray | None:
    return rng.integers(-128, 128, 256).astype(np.int8) if draw(st.booleans()) else None


@st.composite
def views(draw: Draw) -> tuple[View, int, int]:
    space = (draw(st.integers(1, 5)), draw(st.integers(1, 5)), draw(st.integers(1, 7)))
    source, source_size = strides_over(draw, space)
    destination, size = strides_over(draw, space)
    return View(space, source, destination), source_size, size


def check_view(case: Case, expected: np.ndarray, rng: np.random.Generator) -> None:
    """As `check`, where the iteration space is scattered over the output."""
    assert case.view is not None
    places = reference.places(case.view.destination, case.space)
    output = rng.integers(-128, 128, case.output_shape).astype(np.int8)
    run = Run(case, output)
    for index in rng.permutation(reference.tile_count(case)):
        where = reference.box(case, int(index))
        output[0, 0, places[where]] = expected[where]
        np.testing.assert_array_equal(run.tile(int(index)), output)
    np.testing.assert_array_equal(output[0, 0, places], expected)


@EXAMPLES
@given(views(), generators(), st.data())
def test_copy(drawn: tuple[View, int, int], rng: np.random.Generator, data: st.DataObject) -> None:
    view, source_size, size = drawn
    x = rng.integers(-128, 128, (1, 1, source_size)).astype(np.int8)
    tile = data.draw(st.tuples(*(st.integers(1, s) for s in view.space)))
    table = lookup_table(data.draw, rng)
    case = Case("COPY", (1, 1, size), tile, x, view=view, limits=limits(data.draw), lookup=table)
    check_view(case, reference.copy(case), rng)


@EXAMPLES
@given(views(), generators(), st.sampled_from(SAMPLE_TYPES), st.booleans(), st.data())
def test_quantize(drawn: tuple[View, int, int], rng: np.random.Generator, kind: str, single: bool, data: st.DataObject) -> None:
    view, source_size, size = drawn
    info = np.iinfo(kind)
    sample = rng.integers(info.min, info.max + 1, source_size).astype(kind)
    sample[rng.integers(source_size)] = info.max
    entries = 1 if single else view.space[2]
    largest = 2**15 - 1 if info.bits == 8 or info.min < 0 else 2**14
    m = rng.integers(-largest, largest + 1, entries)
    room = 2**31 - 1 - max(abs(info.min), info.max) * largest
    constants = np.stack([m, rng.integers(-room, room + 1, entries), rng.integers(0, 32, entries)], axis=1)
    params = b"".join(struct.pack("<hiB", *map(int, row)) for row in constants)
    tile = data.draw(st.tuples(*(st.integers(1, s) for s in view.space)))
    table = lookup_table(data.draw, rng)
    case = Case("QUANTIZE", (1, 1, size), tile, sample=sample, view=view, limits=limits(data.draw), params=params, lookup=table)
    expected = reference.quantize(case, constants)
    check_view(case, expected if table is None else table[expected + 128], rng)


@EXAMPLES
@given(st.tuples(*[st.integers(1, 6)] * 3), ZERO_POINT, st.data(), generators())
def test_fill(shape: Shape, zero_point: int, data: st.DataObject, rng: np.random.Generator) -> None:
    case = Case("FILL", shape, tile_of(data.draw, shape), zero_points=(0, 0, zero_point))
    check(case, np.full(shape, zero_point), rng)
