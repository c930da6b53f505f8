"""The programs of device/examples on an emulated board."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from boards.conftest import start
from boards.emulator import ROOT, Emulator
from packed import Packed, pack_network

pytestmark = pytest.mark.xdist_group("boards")
HERE = Path(__file__).resolve().parent
EXAMPLES = ROOT / "device" / "examples"


@pytest.fixture(scope="session")
def sensed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """A network that takes a sensor's bytes."""
    return pack_network("lenet5 uint8", tmp_path_factory.mktemp("zoo"))


@pytest.fixture
def board(source: Path, tmp_path: Path, package: dict[str, bytes], native: Callable[[str], bytes], sensed: Packed) -> Emulator:
    emulator = start("m3", source, tmp_path)
    files = {f"/lib/{name}": content for name, content in (package | {"freeml_core.mpy": native("armv7m")}).items()}
    files |= {
        "/model.fml": sensed.blob,
        "/samples.bin": sensed.samples.tobytes(),
        "/machine.py": (HERE / "machine.py").read_bytes(),
    }
    emulator.install(files | {f"/{path.name}": path.read_bytes() for path in EXAMPLES.glob("*.py")})
    return emulator


PROGRAM = """
import sys, umachine
try:
    import {example}
except BaseException as error:
    sys.print_exception(error)
umachine.reset()
"""


def run(board: Emulator, example: str, before: str = "") -> tuple[str, bool]:
    """What it prints; whether power failed."""
    board.change_flash("/main.py", (before + PROGRAM.format(example=example)).encode())
    return board.run()


def test_sensor_loop(board: Emulator, sensed: Packed) -> None:
    """Charging is waited for, and the inference goes on where it was."""
    output, _ = run(board, "sensor_loop")
    lines = output.splitlines()
    left = [int(line.split()[-4]) for line in lines if line.startswith("charging at ")]
    labels = [int(line.split()[1]) for line in lines if line.startswith("label ")]
    assert len(lines) == len(left) + len(labels) == 5, output
    assert len(left) > 1
    assert left == sorted(left, reverse=True)
    assert labels == sensed.expected[: len(labels)].argmax(axis=1).tolist()


CUT_AFTER = 300, 2500  # writes to the flash


def test_wake(board: Emulator, sensed: Packed) -> None:
    """Three measurements, three answers, with power cuts in most lives."""
    generator = random.Random(4)
    cuts = lives = 0
    while "/answers.txt" not in board.files() or board.files()["/answers.txt"].count(b"\n") < len(sensed.samples):
        output, cut = run(board, "wake", f"import board\nboard.cut_power({generator.randint(*CUT_AFTER)})")
        assert not output
        cuts += cut
        lives += 1
        assert lives < 100
    assert cuts >= 3
    assert board.files()["/answers.txt"].split() == [str(scores.argmax()).encode() for scores in sensed.expected]


def test_benchmark(board: Emulator) -> None:
    output, _ = run(board, "benchmark")
    assert re.fullmatch(
        r"mps2-an385 with Cortex-M3\n"
        r"heap \d+ bytes of \d+ that were free\n"
        r"inference \d+\.\d+ ms, fastest of 5\n"
        r"steps \d+ the slowest took \d+\.\d+ ms\n",
        output,
    ), output
