"""What goes wrong on a device: one clear sentence, and nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from device.conftest import Device, Packed

pytestmark = pytest.mark.xdist_group("device")


@pytest.fixture
def small(device: Device, pack: Callable[[str], Packed]) -> Packed:
    packed = pack("lenet5")
    packed.install(device.folder)
    return packed


def test_damaged_blobs_are_refused(device: Device, small: Packed) -> None:
    """Bits flipped and ends cut off, in memory and in a file; the whole blob is accepted."""
    script = """
from freeml import Model
blob = open("model.fml", "rb").read()
tried = 0
def refused(bad):
    global tried
    with open("bad.fml", "wb") as file:
        file.write(bad)
    for source in (bad, "bad.fml"):
        tried += 1
        try:
            Model(source)
        except ValueError:
            continue
        print("accepted:", len(bad), source == bad)
for at in list(range(0, 1000)) + list(range(1000, len(blob), 997)):
    bad = bytearray(blob)
    bad[at] ^= 1 << at % 8
    refused(bytes(bad))
for size in list(range(0, 64)) + list(range(64, len(blob), 1499)):
    refused(blob[:size])
refused(blob + b"x")
Model(blob)
print(tried > 2000)
"""
    assert device.output(script).splitlines() == ["True"]


HEADER = Path(__file__).resolve().parents[2] / "native" / "include" / "freeml.h"
STATUS_TEXTS = dict(re.findall(r'X\((FML_\w+), *-?\d+, *"(.*?)"\)', HEADER.read_text()))
SETUP = "from freeml import Model\nmodel = Model('model.fml')\nsample = open('sample.bin', 'rb').read()\n"


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        (
            "model.infer(sample[1:])",
            "ValueError: {FML_ERROR_SAMPLE_SIZE} (this network: 784 bytes, shape (1, 28, 28))",
        ),
        ("model.infer([0.5] * 784)", "ValueError: sample must have integers in -128..127; for floats see Model.quantize()"),
        ("model.infer([128] * 784)", "ValueError: sample must have integers in -128..127; for floats see Model.quantize()"),
        ("model.infer(sample, tag=-1)", "ValueError: tag must be in 0..4294967295"),
        ("model.infer(sample, tag=1 << 32)", "ValueError: tag must be in 0..4294967295"),
        ("model.step()", "RuntimeError: {FML_ERROR_IDLE}"),
        ("model.output()", "RuntimeError: {FML_ERROR_NOT_DONE}"),
        ("model.start(sample); model.start(sample)", "RuntimeError: {FML_ERROR_BUSY}"),
        ("model.start(sample); model.output()", "RuntimeError: {FML_ERROR_NOT_DONE}"),
        ("Model('model.fml', nvm=bytearray(99))", "ValueError: {FML_ERROR_NVM_SIZE}"),
        ("Model('model.fml', nvm=bytes(9999))", "ValueError: the NVM's buffer is read-only"),
        ("Model(b'')", "ValueError: {FML_ERROR_TRUNCATED}"),
        ("Model('sample.bin')", "ValueError: {FML_ERROR_NOT_A_MODEL}"),
        ("Model('missing.fml')", "OSError: [Errno 2] ENOENT: missing.fml"),
    ],
)
def test_one_sentence(statement: str, error: str, device: Device, small: Packed) -> None:
    assert device.error(SETUP + statement) == error.format(**STATUS_TEXTS)


@pytest.mark.parametrize("count", [0, 1, 785])
def test_wrong_number_of_floats(count: int, device: Device, small: Packed) -> None:
    error = device.error(SETUP + f"model.quantize([0.5] * {count})")
    assert error == f"ValueError: {count} values do not make a sample of shape (1, 28, 28)"


def test_integers_are_not_quantized(device: Device, pack: Callable[[str], Packed]) -> None:
    pack("lenet5 uint8").install(device.folder)
    error = device.error(SETUP + "model.quantize([0.5] * 784)")
    assert error == "ValueError: this network takes the sensor's own integers; give them as they are"
    error = device.error(SETUP + "model.infer([-1] * 784)")
    assert error == "ValueError: sample must have integers in 0..255; for floats see Model.quantize()"


def test_a_resized_memory_is_noticed(device: Device, small: Packed) -> None:
    script = """
from freeml import Model
nvm = bytearray(20000)
model = Model("model.fml", nvm=nvm)
nvm.extend(bytes(100000))
model.infer(open("sample.bin", "rb").read())
"""
    assert device.error(script) == "RuntimeError: the blob's or the NVM's buffer was resized; open the model again"


def test_a_memory_that_fails_now_and_then(device: Device, small: Packed) -> None:
    """What an NVM raises reaches the program; the next call goes on from the last commit."""
    script = """
from freeml import Model, NVM, FileNVM
class Flaky(FileNVM):
    lasts = left = 7
    def write(self, offset, buffer):
        self.left -= 1
        if self.left == 0:
            self.lasts += 2  # ever longer, so that it reaches from commit to commit at last
            self.left = self.lasts
            raise OSError("loose wire")
        super().write(offset, buffer)
model = Model("model.fml", nvm=Flaky("model.nvm", 99999))
sample = open("sample.bin", "rb").read()
failures = 0
while not model.done:
    try:
        if model.pending:
            model.resume()
        else:
            model.infer(sample, 3)
    except OSError as error:
        assert str(error) == "loose wire"
        failures += 1
print(failures > 1, model.tag, bytes(model.output()).hex())
"""
    assert device.output(script) == f"True 3 {small.expected[0].tobytes().hex()}\n"


def test_a_blob_file_that_fails(device: Device, small: Packed) -> None:
    script = """
from freeml import Model
model = Model("model.fml")
sample = open("sample.bin", "rb").read()
working = model._blob._file
class Broken:
    def seek(self, offset):
        raise OSError(5)
model.start(sample, 8)
model.step(1)
model._blob._file = Broken()
try:
    model.resume()
except OSError as error:
    print(error.errno)
model._blob._file = working
print(model.pending, model.tag, model.resume().label)
"""
    assert device.output(script) == f"5\nTrue 8 {small.expected[0].argmax()}\n"


def test_another_networks_progress_is_not_resumed(device: Device, small: Packed, pack: Callable[[str], Packed]) -> None:
    (device.folder / "other.fml").write_bytes(pack("plain_cnn").blob)
    script = """
from freeml import Model, FileNVM
sample = open("sample.bin", "rb").read()
nvm = FileNVM("model.nvm", 99999)
model = Model("model.fml", nvm=nvm)
model.start(sample, 1)
model.step(2)
other = Model("other.fml", nvm=nvm)
print(other.pending, other.done, other.resume())
print(Model("model.fml", nvm=nvm).pending)
other.start(bytes(other.sample_size))
print(Model("model.fml", nvm=nvm).pending)
"""
    assert device.output(script) == "False False None\nTrue\nFalse\n"


def test_the_missing_native_module_is_named(device: Device) -> None:
    (device.folder / "freeml_core.mpy").unlink()
    assert device.error("import freeml") == (
        "ImportError: freeml_core: the native module is missing; "
        "this board's is x64/freeml_core.mpy: copy it to /lib "
        "(freeml-deploy does so, tools/build_device.py --arch x64 makes it)"
    )


def test_a_native_module_for_another_processor(device: Device) -> None:
    path = device.folder / "freeml_core.mpy"
    module = bytearray(path.read_bytes())
    module[2] = 4 << 2 | module[2] & 3  # armv6m
    path.write_bytes(module)
    error = device.error("import freeml")
    assert error.startswith("ImportError: freeml_core: incompatible .mpy")
    assert "--arch x64" in error


def test_core_refuses_what_is_not_a_state(device: Device) -> None:
    """Below the package, too, nothing that Python can pass crashes."""
    script = """
import freeml_core as core
state = bytearray(core.STATE_SIZE)
calls = (
    lambda: core.step(state, 0),
    lambda: core.step(bytearray(8), 0),
    lambda: core.step(bytes(core.STATE_SIZE), 0),
    lambda: core.step(None, 0),
    lambda: core.output(memoryview(bytearray(core.STATE_SIZE + 1))[1:]),
    lambda: core.open_session(state, bytearray(9), None, bytearray(9)),
    lambda: core.open_model(state, object(), None, bytearray(64)),
    lambda: core.metadata_size(bytes(5), 5),
    lambda: core.metadata_size(bytes(20), -5),
    lambda: core.metadata_size(bytes(20), 2.5),
)
for call in calls:
    try:
        call()
        print("accepted")
    except (ValueError, TypeError, RuntimeError):
        pass
print("done")
"""
    assert device.output(script) == "done\n"
