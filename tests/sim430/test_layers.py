"""Single operators on the simulated device, each as many shapes as the port's kernels have paths for: the host's bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from firmware import answer, check_with_verifier, submit
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine
from freeml_pack.firmware import msp430
from freeml_pack.graph import Encoding, Graph, Requant, SampleType, Window
from graphs import Builder, random_sample, roomy_plan, tight_plan
from sim430 import Image, Sim430

LIFE = 200_000_000  # cycles: more than any inference here

Layer = Callable[[Builder, str], str]


def conv(
    out: int,
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    **options: object,
) -> Layer:
    window = Window(kernel, stride=stride, dilation=dilation, padding=padding)
    return lambda b, x: b.conv(x, out, window, **options)  # type: ignore[arg-type]


# shape of the input (channels, height, width), layer
CONVOLUTIONS: dict[str, tuple[tuple[int, int, int], Layer]] = {
    "one tap": ((1, 5, 5), conv(3, (1, 1))),
    "nine taps, odd pixels": ((1, 7, 7), conv(5, (3, 3), padding=(1, 1, 1, 1))),
    "large window": ((1, 9, 9), conv(6, (5, 5), padding=(2, 2, 2, 2), lookup=True)),
    "stride": ((3, 9, 8), conv(4, (3, 2), stride=(2, 3), padding=(1, 0, 2, 1))),
    "dilation": ((2, 9, 9), conv(4, (3, 3), dilation=(2, 3), padding=(2, 2, 3, 3))),
    "only padding above": ((2, 4, 4), conv(4, (4, 1), padding=(3, 0, 0, 0))),
    "groups": ((6, 6, 6), conv(9, (3, 3), padding=(1, 1, 1, 1), groups=3)),
    "channels of the input": ((6, 5, 5), conv(4, (3, 3), padding=(1, 1, 1, 1), channels=(1, 5))),
    "pooled": ((2, 8, 9), conv(6, (3, 3), padding=(1, 1, 1, 1), pool=(2, 3))),
    "too long for pairs": ((20, 5, 5), conv(8, (3, 3), padding=(1, 1, 1, 1))),
    "longest pairs": ((160, 2, 3), conv(4, (1, 1))),
    "linear": ((401, 1, 1), conv(7, (1, 1), lookup=True)),
    "whole input": ((7, 4, 4), conv(9, (4, 4))),
    "in parts": ((6, 5, 5), lambda b, x: b.conv_in_parts(x, 7, Window((3, 3), padding=(1, 1, 1, 1)), (2, 3))),
}

OTHERS: dict[str, tuple[tuple[int, int, int], Layer]] = {
    "maximum": ((3, 7, 6), lambda b, x: b.max_pool(x, Window((3, 2), stride=(2, 2), padding=(1, 1, 1, 1)))),
    "maximum, dilated": ((2, 9, 9), lambda b, x: b.max_pool(x, Window((2, 3), dilation=(3, 2), padding=(1, 1, 0, 0)))),
    "average": ((19, 6, 6), lambda b, x: b.average_pool(x, Window((2, 2), stride=(2, 2)))),
    "average of what is inside": ((2, 5, 6), lambda b, x: b.average_pool(x, Window((3, 3), padding=(1, 1, 1, 1)))),
    "average, adaptive": ((3, 7, 5), lambda b, x: b.adaptive_pool(x, (3, 2))),
    "average of all": ((2, 20, 19), lambda b, x: b.adaptive_pool(x, (1, 1))),
    "depthwise": ((5, 6, 6), lambda b, x: b.depthwise(x, Window((3, 3), padding=(1, 1, 1, 1)))),
    "depthwise, many channels": ((37, 4, 4), lambda b, x: b.depthwise(x, Window((2, 3), padding=(1, 0, 1, 1)), multiplier=2)),
    "concatenation": ((3, 4, 5), lambda b, x: b.concat(x, x)),
    "padding": ((3, 4, 5), lambda b, x: b.pad(x, 2)),
    "flattening": ((3, 4, 5), lambda b, x: b.flatten(x)),
    "product": ((3, 4, 5), lambda b, x: b.multiply(x, x)),
    "sum": ((3, 4, 5), lambda b, x: b.add(x, x)),
}

ENCODED: dict[str, tuple[tuple[int, int, int], int, Window]] = {
    "linear": ((300, 1, 1), 21, Window((1, 1))),
    "linear, few": ((40, 1, 1), 3, Window((1, 1))),
    "conv": ((6, 5, 6), 10, Window((3, 3), padding=(1, 1, 1, 1))),
    "conv, long": ((24, 4, 4), 9, Window((3, 3), padding=(1, 1, 0, 0))),
    "pointwise": ((17, 4, 3), 12, Window((1, 1), stride=(1, 2))),
}


def same_as_host(b: Builder, output: str, common: msp430.Common, folder: Path) -> None:
    graph = b.finish(output)
    blob = write_blob(graph, tight_plan(graph, np.random.default_rng(2)))
    check(graph, blob, common, folder)
    check_with_verifier(blob, common, folder)


def same_as_host_in_one_step(graph: Graph, common: msp430.Common, folder: Path) -> None:
    check(graph, write_blob(graph, roomy_plan(graph)), common, folder)


def check(graph: Graph, blob: bytes, common: msp430.Common, folder: Path) -> None:
    msp430.build(blob, folder / "layer.elf", common)
    machine = Sim430(Image.from_elf(folder / "layer.elf"))
    sample = bytes(random_sample(graph))
    submit(machine, sample, 5)
    machine.run(cycles=LIFE)
    assert answer(machine) == (5, [int(score) for score in Engine(blob).run(sample)])


@pytest.mark.parametrize("name", CONVOLUTIONS | OTHERS)
def test_layer(name: str, common: msp430.Common, tmp_path: Path) -> None:
    shape, layer = (CONVOLUTIONS | OTHERS)[name]
    b = Builder(np.random.default_rng(len(name)))
    same_as_host(b, layer(b, b.quantize(shape)), common, tmp_path)


@pytest.mark.parametrize("encoding", list(Encoding)[1:])
@pytest.mark.parametrize("name", ENCODED)
def test_encoded(name: str, encoding: Encoding, common: msp430.Common, tmp_path: Path) -> None:
    shape, out, window = ENCODED[name]
    b = Builder(np.random.default_rng(1))
    density = 0.005 if name == "linear" else 0.3  # few: channels without any
    same_as_host(b, b.conv(b.quantize(shape), out, window, encoding=encoding, density=density), common, tmp_path)


def test_encoded_and_pooled_or_in_parts(common: msp430.Common, tmp_path: Path) -> None:
    b = Builder(np.random.default_rng(4))
    window = Window((3, 3), padding=(1, 1, 1, 1))
    x = b.conv(b.quantize((6, 8, 8)), 12, window, encoding=Encoding.SPARSE_4, density=0.3, pool=(2, 2))
    same_as_host(b, b.conv_in_parts(x, 7, window, (3,), encoding=Encoding.BLOCK_SPARSE_8), common, tmp_path)


@pytest.mark.parametrize("encoding", [Encoding.SPARSE_4, Encoding.BLOCK_SPARSE_8])
@pytest.mark.parametrize("spare", [-400, 200])
def test_lists_with_little_room(
    encoding: Encoding, spare: int, common: msp430.Common, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not all channels' lists are opened at a time; or not even the first ones'."""
    monkeypatch.setattr(msp430, "TAKEN", msp430.SRAM - spare - 1200)
    b = Builder(np.random.default_rng(5))
    window = Window((3, 3), padding=(1, 1, 1, 1))
    graph = b.finish(b.conv(b.quantize((6, 5, 5)), 14, window, encoding=encoding, density=0.3))
    same_as_host_in_one_step(graph, common, tmp_path)


@pytest.mark.parametrize("encoding", list(Encoding)[1:])
@pytest.mark.parametrize("lengths", ["some", "long"])
def test_encoded_linear(encoding: Encoding, lengths: str, common: msp430.Common, tmp_path: Path) -> None:
    """All channels in one step; long: more entries than sums of two channels in one can take."""
    b = Builder(np.random.default_rng(6))
    inputs, density = (700, 0.6) if lengths == "long" else (200, 0.3)
    graph = b.finish(b.conv(b.quantize((inputs, 1, 1)), 15, Window((1, 1)), encoding=encoding, density=density))
    same_as_host_in_one_step(graph, common, tmp_path)


@pytest.mark.parametrize("encoding", list(Encoding)[1:])
def test_encoded_with_a_left_shift_that_does_not_fold(encoding: Encoding, common: msp430.Common, tmp_path: Path) -> None:
    b = Builder(np.random.default_rng(7))
    graph = b.finish(b.conv(b.quantize((3, 4, 3)), 6, Window((1, 1)), encoding=encoding, density=0.5))
    q = graph.ops[1].q
    assert q is not None
    assert q.requant is not None
    q = replace(q, requant=Requant(q.requant.multiplier // 64, np.full(6, 8, np.int32), left_shift=8))
    graph = replace(graph, ops=type(graph.ops)([graph.ops[0], replace(graph.ops[1], q=q), *graph.ops[2:]]))
    same_as_host_in_one_step(graph, common, tmp_path)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", SampleType)
def test_samples(kind: SampleType, per_channel: bool, common: msp430.Common, tmp_path: Path) -> None:
    b = Builder(np.random.default_rng(3))
    same_as_host(b, b.quantize((3, 3, 4) if per_channel else (1, 3, 4), kind, per_channel), common, tmp_path)
