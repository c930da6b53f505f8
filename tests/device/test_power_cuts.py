"""The process really dies in the middle of a nonvolatile write, and a new one continues: the answers stay the same bytes.

A failing test names network, write and seed; with these, many_with_cuts.py replays the cut.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable

import numpy as np
import pytest
from device.conftest import Device, Packed

pytestmark = pytest.mark.xdist_group("device")


def boot(device: Device, packed: Packed, write: int, seed: int, folder: str) -> int | None:
    """Writes done until the end, None where the process died."""
    result = device.run_file("many_with_cuts.py", str(write), str(seed), str(packed.nvm_size), folder)
    if result.returncode == -signal.SIGKILL:
        return None
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def answers(device: Device, packed: Packed, folder: str) -> np.ndarray:
    content = (device.folder / folder / "answers.bin").read_bytes()
    return np.frombuffer(content, np.int8).reshape(-1, packed.expected.shape[1])


def count_writes(device: Device, packed: Packed) -> int:
    packed.install(device.folder)
    (device.folder / "whole").mkdir()
    writes = boot(device, packed, 0, 0, "whole")
    assert writes
    np.testing.assert_array_equal(answers(device, packed, "whole"), packed.expected)
    return writes


@pytest.mark.parametrize("name", ["lenet5", "resnet_b"])
def test_one_cut_anywhere(name: str, device: Device, pack: Callable[[str], Packed]) -> None:
    packed = pack(name)
    writes = count_writes(device, packed)
    for write in sorted({*range(1, 12), *range(12, writes, max(1, writes // 40)), writes}):
        folder = f"cut{write}"
        (device.folder / folder).mkdir()
        assert boot(device, packed, write, write, folder) is None, "there was no such write"
        assert boot(device, packed, 0, 0, folder) is not None
        message = f"network {name}, write {write}, seed {write}"
        np.testing.assert_array_equal(answers(device, packed, folder), packed.expected, message)


@pytest.mark.parametrize("name", ["lenet5", "mobilenet", "squeezenet", "shufflenet", "mlp_bn"])
def test_one_cut_after_another(name: str, device: Device, pack: Callable[[str], Packed]) -> None:
    packed = pack(name)
    writes = count_writes(device, packed)
    (device.folder / "cut").mkdir()
    generator = random.Random(name)
    cuts = 0
    while boot(device, packed, generator.randint(1, writes // generator.choice((3, 30)) + 1), cuts, "cut") is None:
        cuts += 1
        assert cuts < 500, "no progress"
    assert cuts >= 3
    message = f"network {name}, seed {name!r}, {cuts} cuts"
    np.testing.assert_array_equal(answers(device, packed, "cut"), packed.expected, message)


def test_the_cut_tears(device: Device) -> None:
    """The instrument itself: unsynced writes are lost, kept or torn; synced ones stay; the seed decides."""
    script = """
import sys
from power_cut import CutNVM, PowerCut
nvm = CutNVM(sys.argv[2], 64, PowerCut(3, int(sys.argv[1])))
nvm.write(0, b"A" * 16)
nvm.sync()
nvm.write(16, b"B" * 16)
nvm.write(32, b"C" * 16)
print("alive")
"""
    outcomes = set()
    for seed in range(30):
        for attempt in "ab":
            assert device.run(script, str(seed), f"nvm{seed}{attempt}").returncode == -signal.SIGKILL
        first, second = ((device.folder / f"nvm{seed}{attempt}").read_bytes() for attempt in "ab")
        assert first == second
        assert len(first) == 64
        assert first[:16] == b"A" * 16
        assert first == b"".join(first[i : i + 16].rstrip(b"\0").ljust(16, b"\0") for i in range(0, 64, 16))
        outcomes.add((first.count(b"B"), first.count(b"C")))
    assert len(outcomes) > 10
    assert {0, 16} < {b for b, _ in outcomes}
