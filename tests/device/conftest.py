"""Fixtures: the real MicroPython, and folders that look like a device's file system."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("tools", "tests", "tests/device/nvm")]

# The memory drivers run on this computer, too; the package's own __init__ does not, as it wants the native module.
package = types.ModuleType("freeml")
package.__path__ = [str(ROOT / "device" / "freeml")]
sys.modules["freeml"] = package

import build_device  # noqa: E402
import get_micropython  # noqa: E402
from freeml_pack.graph import Graph  # noqa: E402


@pytest.fixture(scope="session")
def micropython() -> get_micropython.MicroPython:
    return get_micropython.get()


@dataclass(frozen=True)
class Device:
    """A folder with the package, the native module and the example programs, and a MicroPython that runs in it."""

    program: Path
    folder: Path

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs Python source on the device, whatever comes of it."""
        (self.folder / "script.py").write_text(script)
        return self.run_file("script.py", *arguments)

    def run_file(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.program), name, *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120)

    def output(self, script: str, *arguments: str) -> str:
        """What the script prints; it must end well."""
        result = self.run(script, *arguments)
        assert result.returncode == 0, result.stderr + result.stdout
        return result.stdout

    def error(self, script: str) -> str:
        """The last line of the script's traceback; it must end with an exception."""
        result = self.run(script)
        assert result.returncode == 1, result.stdout
        return (result.stderr + result.stdout).strip().splitlines()[-1]


@pytest.fixture(scope="session")
def installed(micropython: get_micropython.MicroPython, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to copy: what one copies to a board."""
    folder = tmp_path_factory.mktemp("device")
    build_device.build_package(folder)
    shutil.copy(build_device.build_native(micropython.source), folder)
    for path in (ROOT / "device" / "examples").glob("*.py"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture
def device(micropython: get_micropython.MicroPython, installed: Path, tmp_path: Path) -> Device:
    shutil.copytree(installed, tmp_path / "device")
    return Device(micropython.program, tmp_path / "device")


@dataclass(frozen=True, eq=False)
class Packed:
    blob: bytes
    graph: Graph
    samples: np.ndarray  # uint8 [N, sample bytes], random
    expected: np.ndarray  # int8 [N, scores], as the C core on this computer gives them
    nvm_size: int

    def install(self, folder: Path) -> None:
        """model.fml, samples.bin (all samples), sample.bin (the first one)."""
        (folder / "model.fml").write_bytes(self.blob)
        (folder / "samples.bin").write_bytes(self.samples.tobytes())
        (folder / "sample.bin").write_bytes(self.samples[0].tobytes())


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Packed]:
    """Packs a network of tests/zoo.py, once: "NAME" for samples of floats, "NAME TYPE" for integers of a numpy type."""
    return functools.cache(lambda name: _pack(name, tmp_path_factory.mktemp("zoo")))


def _pack(name: str, folder: Path) -> Packed:
    import torch
    from freeml_pack.engine import Engine
    from freeml_pack.pipeline import PackOptions
    from freeml_pack.pipeline import pack as freeml_pack
    from zoo import ZOO

    name, _, sample_type = name.partition(" ")
    network, shape = ZOO[name]()
    torch.export.save(torch.export.export(network.eval(), (torch.zeros(1, *shape),)), folder / "model.pt2")
    data = None
    if sample_type:
        data = folder / "data.npz"
        np.savez(data, x_train=np.random.default_rng(1).integers(0, 256, (64, *shape)).astype(sample_type))
    packed = freeml_pack(PackOptions(model=folder / "model.pt2", data=data))
    engine = Engine(packed.blob)
    samples = np.random.default_rng(0).integers(0, 256, (3, engine.sample_size), np.uint8)
    return Packed(packed.blob, packed.graph, samples, engine.run_batch(samples), engine.nvm_size)
