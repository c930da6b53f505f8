"""Inference in the real MicroPython: same bytes as the C core on this computer, and what the package makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from device.conftest import Device, Packed
from zoo import ZOO

pytestmark = pytest.mark.xdist_group("device")
SMALL = "lenet5"

COMPARE = """
from freeml import Model
blob = open("model.fml", "rb").read()
samples = open("samples.bin", "rb").read()
for source in (blob, memoryview(b"x" + blob)[1:], "model.fml"):  # in place, at an odd address, streamed
    for nvm in (None, "model.nvm"):  # used in place, mirrored
        model = Model(source, nvm=nvm)
        for at in range(0, len(samples), model.sample_size):
            model.infer(memoryview(samples)[at : at + model.sample_size], tag=at)
            print(bytes(model.output()).hex(), model.tag)
        model.cancel()
"""


@pytest.mark.parametrize("name", [*ZOO, "ds_cnn int16", "plain_cnn uint16", "lenet5 uint8"])
def test_same_bytes_as_on_this_computer(name: str, device: Device, pack: Callable[[str], Packed]) -> None:
    packed = pack(name)
    packed.install(device.folder)
    lines = device.output(COMPARE).splitlines()
    expected = [f"{scores.tobytes().hex()} {i * packed.samples.shape[1]}" for i, scores in enumerate(packed.expected)]
    assert lines == 6 * expected


@pytest.fixture
def small(device: Device, pack: Callable[[str], Packed]) -> Packed:
    packed = pack(SMALL)
    packed.install(device.folder)
    return packed


def test_the_complete_program(device: Device, small: Packed) -> None:
    """device/examples/main.py, the program of the README."""
    for _ in range(2):
        result = device.run_file("main.py")
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith(f"label {small.expected[0].argmax()} scores [")


def test_scores_are_what_the_network_returned(device: Device, small: Packed) -> None:
    script = """
import json
from freeml import Model
print(json.dumps(list(Model("model.fml").infer(open("sample.bin", "rb").read()))))
"""
    label, scores, exit_number, complete, confidence = json.loads(device.output(script))
    quant = small.graph.tensors[small.graph.output].quant
    assert quant
    assert label == small.expected[0].argmax()
    np.testing.assert_allclose(scores, (small.expected[0] - float(quant.zero_point)) * quant.scale, rtol=1e-5)
    assert (exit_number, complete) == (0, True)
    assert 1 / len(scores) <= confidence <= 1


def test_step_by_step(device: Device, small: Packed) -> None:
    script = """
from freeml import Model
model = Model("model.fml")
print(model.pending, model.done, model.resume())
model.start(open("sample.bin", "rb").read(), tag=4294967295)
total = model.remaining
print(model.pending, model.done, model.tag, total > 5)
print(model.step(2), total - model.remaining)
while not model.step(3):
    pass
print(model.pending, model.done, model.remaining, bytes(model.output()).hex())
model.cancel()
print(model.pending, model.done, model.resume())
"""
    assert device.output(script).splitlines() == [
        "False False None",
        "True False 4294967295 True",
        "False 2",
        f"False True 0 {small.expected[0].tobytes().hex()}",
        "False False None",
    ]


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16"])
def test_samples_as_lists_and_arrays(kind: str, device: Device, pack: Callable[[str], Packed]) -> None:
    packed = pack(f"lenet5 {kind}")
    packed.install(device.folder)
    (device.folder / "x.json").write_text(json.dumps(packed.samples[0].view(kind).tolist()))
    code = np.dtype(kind).char
    script = f"""
import json
from array import array
from freeml import Model
model = Model("model.fml")
values = json.load(open("x.json"))
for sample in (values, tuple(values), array("{code}", values)):
    model.infer(sample)
    print(bytes(model.output()).hex())
"""
    assert device.output(script).split() == 3 * [packed.expected[0].tobytes().hex()]


def test_energy_runs_out_and_comes_back(device: Device, small: Packed) -> None:
    script = """
from freeml import Model
from freeml.energy import ScriptedEnergy
model = Model("model.fml", nvm="model.nvm", energy=ScriptedEnergy([True, False, False]))
print(model.infer(open("sample.bin", "rb").read(), 5))
print(model.resume(), model.tag)
left = model.remaining
print(model.resume().label, left < sum_of_steps)
"""
    script = script.replace("sum_of_steps", "10 ** 6")
    unfinished = "Prediction(label=None, scores=None, exit=0, complete=False, confidence=None)"
    assert device.output(script).splitlines() == [
        unfinished,
        f"{unfinished} 5",
        f"{small.expected[0].argmax()} True",
    ]


def test_floats_become_the_sample(device: Device, small: Packed) -> None:
    """Packed without data, the network takes floats: round(x * scale + offset), as schema/model.fbs says."""
    sample = small.graph.sample
    x = np.random.default_rng(1).normal(0.0, 2.0, sample.elements).astype(np.float32)
    (device.folder / "x.json").write_text(json.dumps(x.tolist()))
    script = "import json; from freeml import Model; print(Model('model.fml').quantize(json.load(open('x.json'))).hex())"
    index = np.arange(sample.elements) // sample.input_repeat % len(sample.input_scale)
    expected = np.rint(x * np.array(sample.input_scale)[index] + np.array(sample.input_offset)[index]).clip(-128, 127)
    got = np.frombuffer(bytes.fromhex(device.output(script)), np.int8)
    assert np.abs(got - expected).max() <= 1  # the device has the scale as float32
    assert (got == expected).mean() > 0.99
    assert got.min() == -128
    assert got.max() == 127
