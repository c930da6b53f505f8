"""A whole inference on every memory, in the real MicroPython, through power cuts: the same scores, to the byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
NETWORK = "shufflenet"  # writes in many short runs
SMALL_NETWORK = "mlp"  # for memories that are small, or slow to simulate
MEMORIES = ("MB85RS64V", "FM25V10", "FM24CL64B", "FM24V10", "RTC", "flash", "littlefs")

SCRIPT = """
import json, sys
from chips.power import Power, PowerCut
from freeml import Model
from media import MEDIA, flash, rtc

with open("model.fml", "rb") as file:
    blob = file.read()
with open("sample.bin", "rb") as file:
    sample = file.read()
size = Model(blob).nvm_size
if sys.argv[1] == "RTC":
    medium = rtc(size)
elif sys.argv[1] == "flash":
    medium = flash(size, 16, 1024, 128, 64)
elif sys.argv[1] == "littlefs":
    from littlefs import LITTLEFS as medium, open_file
    medium.open = lambda chip: open_file(chip, size)
else:
    medium = MEDIA[sys.argv[1]]


def boot(chip, cut):
    # One power-up: the scores as a list, or None where power failed before.
    chip.power.restore(cut)
    chip.power_up()
    try:
        model = Model(blob, nvm=medium.open(chip))
        if not model.resume():
            model.infer(sample)
        return list(model.output())
    except PowerCut:
        return None


def live(cut, again):
    # Power fails at operation `cut`, then after each `again` operations, if that is not 0.
    chip = medium.make(Power(seed=cut))
    scores, boots = boot(chip, cut), 1
    while scores is None:
        scores, boots = boot(chip, again), boots + 1
        assert boots < 50, "no progress"
    return scores, boots, chip.power.used


scores, _, used = live(0, 0)
print(json.dumps(scores))
for cut in range(1, used + 1, max(1, used // 30)):
    again, boots, _ = live(cut, 0)
    assert again == scores and boots == 2, cut
assert live(used // 3, used * 3 // 4)[0] == scores
print("ok")
"""


@pytest.mark.parametrize("name", MEMORIES)
def test_inference(name: str, device, pack) -> None:  # type: ignore[no-untyped-def]
    packed = pack(SMALL_NETWORK if name in ("RTC", "littlefs") else NETWORK)
    for file in ("contract.py", "media.py", "littlefs.py"):
        shutil.copy(HERE / file, device.folder)
    shutil.copytree(HERE / "chips", device.folder / "chips", ignore=shutil.ignore_patterns("__pycache__"))
    (device.folder / "model.fml").write_bytes(packed.blob)
    (device.folder / "sample.bin").write_bytes(packed.samples[0].tobytes())
    scores, ok = [line for line in device.output(SCRIPT, name).splitlines() if line[0] in "[o"]
    assert json.loads(scores) == packed.expected[0].tolist()
    assert ok == "ok"
