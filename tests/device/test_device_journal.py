"""What the device package tells about the journal."""

from __future__ import annotations

from collections.abc import Callable

from device.conftest import Device, Packed

SCRIPT = """
from freeml import Model
nvm = bytearray(100000)
def look():
    return Model("model.fml", nvm)
def show(model):
    print(model.journal, model.boots, model.no_progress)
show(look())
look().start(open("sample.bin", "rb").read(), 3)
show(look())
nvm[5] ^= 1
model = look()
show(model)
for _ in range(13):
    look()
show(look())
model = look()
show(model)
while model.boots:
    model.step(1)
print(model.pending, model.no_progress)
nvm[5] ^= 1
nvm[32 + 5] ^= 1
show(look())
"""


def test_journal_boots_and_no_progress(device: Device, pack: Callable[[str], Packed]) -> None:
    packed = pack("cnn_bn")
    (device.folder / "model.fml").write_bytes(packed.blob)
    (device.folder / "sample.bin").write_bytes(packed.samples[0].tobytes())
    assert device.output(SCRIPT).splitlines() == [
        "blank 0 False",
        "valid 1 False",
        "valid 2 False",
        "valid 16 True",
        "valid 17 True",
        "True False",
        "damaged 0 False",
    ]
