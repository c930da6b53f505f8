"""The package on emulated boards: a Cortex-M0, M3, M4F and a RISC-V run the native module of their processor, read blobs from
a littlefs and from a ROMFS, and give the same bytes as the C core on this computer, across resets too."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from boards.conftest import start
from boards.emulator import ROOT, Emulator
from build_device import build_native
from freeml_pack.engine import Engine, EngineError
from packed import Packed

pytestmark = pytest.mark.xdist_group("boards")

EVERYWHERE = """
import gc, machine, os, sys
class Memory:  # as behind a bus
    def __init__(self, size):
        self._bytes = bytearray(size)
    def __len__(self):
        return len(self._bytes)
    def readinto(self, offset, buffer):
        buffer[:] = self._bytes[offset:offset + len(buffer)]
    def write(self, offset, buffer):
        self._bytes[offset:offset + len(buffer)] = buffer
    def sync(self):
        pass
try:
    from freeml import Model
    for name in sorted(os.listdir("/blobs")):
        with open(f"/samples/{name}", "rb") as file:
            sample = file.read()
        for folder in ("/blobs/", "/rom/"):  # streamed, in place
            for nvm in (None, Memory(10000)):  # in place, mirrored
                gc.collect()
                model = Model(folder + name, nvm=nvm)
                model.thresholds = [255] * model.exits  # to the last layer
                model.infer(sample)
                print(name, bytes(model.output()).hex())
                model.cancel()
except BaseException as error:
    sys.print_exception(error)
machine.reset()
"""


def corpus() -> dict[str, Engine]:
    """Small blobs with all operators, encodings and shapes at their borders, as fuzzing begins with."""
    engines = {}
    for path in sorted((ROOT / "native" / "fuzz" / "corpus" / "blob").iterdir()):
        try:
            engines[path.name] = Engine(path.read_bytes())
        except EngineError:
            continue
    assert len(engines) >= 19
    return engines


def test_same_bytes_as_on_this_computer(
    emulator: Emulator, package: dict[str, bytes], native: Callable[[str], bytes], lenet5: Packed
) -> None:
    check_answers(emulator, package, native(emulator.board.arch), lenet5)


def test_a_small_module(source: Path, package: dict[str, bytes], lenet5: Packed, tmp_path: Path) -> None:
    """It gives the same bytes, too."""
    emulator = start("m3", source, tmp_path)
    fast, small = (build_native(source, "armv7m", tmp_path / kind, small=kind == "small") for kind in ("fast", "small"))
    assert 5_000 < fast.stat().st_size - small.stat().st_size < 8_000
    check_answers(emulator, package, small.read_bytes(), lenet5)


def test_modules_are_made_again_for_another_size(source: Path, tmp_path: Path) -> None:
    modules = [build_native(source, "x64", tmp_path, small=small).read_bytes() for small in (True, False, True)]
    assert len(modules[0]) < len(modules[1])
    assert modules[0] == modules[2]


def check_answers(emulator: Emulator, package: dict[str, bytes], native: bytes, lenet5: Packed) -> None:
    engines = corpus() | {"lenet5.fml": Engine(lenet5.blob)}
    generator = np.random.default_rng(3)
    samples = {name: generator.integers(0, 256, engine.sample_size, np.uint8).tobytes() for name, engine in engines.items()}
    blobs = {name: engine.blob for name, engine in engines.items()}
    core = {"freeml_core.mpy": native}
    flash = {f"/lib/{name}": content for name, content in (package | core).items()}
    flash |= {f"/blobs/{name}": blob for name, blob in blobs.items()}
    flash |= {f"/samples/{name}": sample for name, sample in samples.items()}
    emulator.install(flash | {"/main.py": EVERYWHERE.encode()}, rom=blobs)
    output, cut = emulator.run()
    answers = {name: engine.run_batch(np.frombuffer(samples[name], np.uint8)[None])[0] for name, engine in engines.items()}
    assert output.splitlines() == [f"{name} {answers[name].tobytes().hex()}" for name in sorted(engines) for _ in range(4)]
    assert not cut


MANY_WITH_CUTS = """
import board, machine, sys
from many import run
with open("/cut") as file:
    board.cut_power(int(file.read()))
try:
    try:
        answers = open("/answers.bin", "r+b")
    except OSError:
        answers = open("/answers.bin", "w+b")
    with open("/samples.bin", "rb") as samples:
        run("/rom/model.fml", "/model.nvm", samples, answers)
    print("done", board.writes())
except BaseException as error:
    sys.print_exception(error)
machine.reset()
"""
CUTS = 12


def test_power_cuts(emulator: Emulator, package: dict[str, bytes], native: Callable[[str], bytes], lenet5: Packed) -> None:
    """examples/many.py from a ROMFS, its progress in a littlefs. Power fails in a write to the flash, half of which is done;
    the board starts again with what is there. The answers are those of a run without power cuts, and of this computer."""
    example = (ROOT / "device" / "examples" / "many.py").read_bytes()
    rom = {f"lib/{name}": content for name, content in package.items()}
    rom |= {"lib/freeml_core.mpy": native(emulator.board.arch), "lib/many.py": example, "model.fml": lenet5.blob}
    flash = {"/main.py": MANY_WITH_CUTS.encode(), "/samples.bin": lenet5.samples.tobytes()}

    emulator.install(flash | {"/cut": b"0"}, rom)
    output, cut = emulator.run()
    assert output.startswith("done ")
    assert not cut
    writes = int(output.split()[1])
    assert emulator.files()["/answers.bin"] == lenet5.expected.tobytes()

    emulator.install(flash | {"/cut": b"0"}, rom)
    generator = random.Random(emulator.board.core)
    cuts = 0
    while True:
        emulator.change_flash("/cut", str(generator.randint(1, 2 * writes // CUTS)).encode())
        output, cut = emulator.run()
        if not cut:
            break
        cuts += 1
        assert not output
        assert cuts < 10 * CUTS
    assert output.startswith("done ")
    assert cuts >= CUTS // 2
    assert emulator.files()["/answers.bin"] == lenet5.expected.tobytes()
