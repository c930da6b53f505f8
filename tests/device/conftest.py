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

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / folder) for folder in ("tools", "tests", "tests/device/nvm")]  # behind what is installed: a littlefs

# The memory drivers run on this computer, too; the package's own __init__ does not, as it wants the native module.
package = types.ModuleType("freeml")
package.__path__ = [str(ROOT / "device" / "freeml")]
sys.modules["freeml"] = package

import build_device  # noqa: E402
import get_micropython  # noqa: E402
from packed import Packed, pack_network  # noqa: E402


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


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Packed]:
    """As packed.pack_network, once for each network."""
    return functools.cache(lambda name: pack_network(name, tmp_path_factory.mktemp("zoo")))
