"""Each layer gets the encoding that suits its weights, and none makes it larger."""

from __future__ import annotations

from dataclasses import replace

import graphs
import numpy as np
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.encode import choose_encoding, encoded_size
from freeml_pack.engine import Engine
from freeml_pack.graph import Conv2d, Encoding, Graph, Window
from freeml_pack.oracle import run_oracle
from freeml_pack.pack_params import pack_params
from freeml_pack.plan import plan
from freeml_pack.targets import load_target, target_names
from hypothesis import given, settings
from hypothesis import strategies as st

GENERIC = load_target("generic")


def layer(weight: np.ndarray) -> Graph:
    """A convolution of 8 x 8 pixels with these weights, int8 [out, height, width, in]."""
    b = graphs.Builder(np.random.default_rng(0))
    out, height, width, inputs = weight.shape
    padding = (height // 2, width // 2, (height - 1) // 2, (width - 1) // 2)
    x = b.conv(b.quantize((inputs, 8, 8)), out, Window((height, width), padding=padding))
    b.ops[1] = replace(b.ops[1], q=replace(b.ops[1].q, weight=weight))
    return b.finish(x)


def chosen(weight: np.ndarray, target: str = "generic") -> Encoding:
    op = choose_encoding(layer(weight), load_target(target)).ops[1]
    assert isinstance(op, Conv2d)
    return op.encoding


def random_weight(shape: tuple[int, ...], density: float, values: int = 254, together: int = 1) -> np.ndarray:
    """together: channels that keep the same taps; values: that the kept ones take."""
    rng = np.random.default_rng(3)
    allowed = np.delete(np.arange(-127, 128), 127)[:: 254 // values][:values]
    keep = np.repeat(rng.random((shape[0] // together, *shape[1:])) < density, together, axis=0)
    return np.where(keep, rng.choice(allowed, shape), 0).astype(np.int8)


@pytest.mark.parametrize(
    ("weight", "encoding"),
    [
        (random_weight((32, 3, 3, 32), 1.0), Encoding.DENSE_8),
        (random_weight((32, 3, 3, 32), 0.6), Encoding.DENSE_8),
        (random_weight((32, 3, 3, 32), 1.0, 15), Encoding.DENSE_4),
        (random_weight((32, 3, 3, 32), 0.2), Encoding.SPARSE_8),
        (random_weight((32, 3, 3, 32), 0.2, 14), Encoding.SPARSE_4),
        (random_weight((32, 3, 3, 32), 0.2, together=4), Encoding.BLOCK_SPARSE_8),
        (random_weight((32, 3, 3, 32), 0.2, 14, together=4), Encoding.BLOCK_SPARSE_4),
        (random_weight((8, 1, 1, 4), 1.0, 15), Encoding.DENSE_8),  # the codebook would be larger than what it saves
    ],
)
def test_choice(weight: np.ndarray, encoding: Encoding) -> None:
    assert chosen(weight) == encoding


@pytest.mark.parametrize(
    ("target", "encoding"),
    [
        ("generic", Encoding.DENSE_8),
        ("msp430fr5994", Encoding.DENSE_8),
        ("esp32c3", Encoding.DENSE_8),
        ("rp2040", Encoding.OFFSET_8),
        ("stm32l4", Encoding.OFFSET_8),
    ],
)
def test_layouts_for_cores(target: str, encoding: Encoding) -> None:
    """Of the same size but for a directory, and the same numbers; which is faster is the target's to say."""
    assert chosen(random_weight((32, 3, 3, 32), 1.0), target) == Encoding.DENSE_8
    b = graphs.Builder(np.random.default_rng(0))
    graph = b.finish(b.linear(b.quantize((401, 1, 1)), 30))
    packed = choose_encoding(graph, load_target(target))
    assert isinstance(packed.ops[1], Conv2d)
    assert packed.ops[1].encoding == encoding
    dense, blob = (write_blob(g, plan(g, load_target(target))) for g in (graph, packed))
    assert 0 <= len(blob) - len(dense) <= 16
    samples = np.random.default_rng(1).integers(0, 256, (3, graph.sample.size), np.uint8)
    for streamed in (False, True):
        assert np.array_equal(Engine(blob, streamed=streamed).run_batch(samples), run_oracle(graph, samples))


@pytest.mark.parametrize("target", target_names())
def test_a_sparse_layer_becomes_smaller_and_cheaper_on_every_target(target: str) -> None:
    graph = layer(random_weight((64, 1, 1, 128), 0.15))
    sparse = choose_encoding(graph, load_target(target))
    plans = [plan(g, load_target(target)) for g in (graph, sparse)]
    dense_blob, blob = (write_blob(g, p) for g, p in zip((graph, sparse), plans, strict=True))
    assert len(blob) < 0.5 * len(dense_blob)
    samples = np.random.default_rng(1).integers(0, 256, (3, graph.sample.size), np.uint8)
    for streamed in (False, True):
        assert np.array_equal(Engine(blob, streamed=streamed).run_batch(samples), run_oracle(graph, samples))


@st.composite
def weights(draw: st.DrawFn) -> np.ndarray:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kernel = draw(st.sampled_from([1, 1, 2, 3]))
    shape = (draw(st.integers(1, 40)), kernel, kernel, draw(st.integers(1, 60)))
    values = rng.integers(-127, 128, draw(st.sampled_from([1, 3, 15, 16, 255])))
    keep = rng.random(shape) < draw(st.sampled_from([0.0, 0.05, 0.3, 0.45, 0.55, 1.0]))
    if draw(st.booleans()):
        keep = np.repeat(keep[::4], 4, axis=0)[: shape[0]]
    return np.where(keep, rng.choice(values, shape), 0).astype(np.int8)


@settings(max_examples=200, deadline=None)
@given(weights(), st.integers(1, 10))
def test_never_larger_than_dense(weight: np.ndarray, fours: int) -> None:
    """Whatever tiles the plan takes; and `encoded_size` is what is written."""
    op = choose_encoding(layer(weight), GENERIC).ops[1]
    assert isinstance(op, Conv2d)
    tile_channels = min(4 * fours, len(weight))
    size = len(pack_params(op, tile_channels))
    assert size == encoded_size(weight, op.encoding, tile_channels)
    assert size <= len(pack_params(replace(op, encoding=Encoding.DENSE_8), tile_channels))
