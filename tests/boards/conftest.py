"""Fixtures: emulated boards, with the package and the native module of their processor."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import build_device
import get_micropython
import pytest
from boards.emulator import BOARDS, Emulator, firmware
from packed import Packed, pack_network


@pytest.fixture(scope="session")
def source() -> Path:
    """MicroPython's source tree."""
    return get_micropython.get().source


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the package, precompiled."""
    folder = build_device.build_package(tmp_path_factory.mktemp("package"))
    return {str(path.relative_to(folder.parent)): path.read_bytes() for path in folder.rglob("*.mpy")}


@pytest.fixture(scope="session")
def native(source: Path) -> Callable[[str], bytes]:
    """The native module for a processor."""
    return functools.cache(lambda arch: build_device.build_native(source, arch).read_bytes())


@pytest.fixture(params=list(BOARDS))
def emulator(request: pytest.FixtureRequest, source: Path, tmp_path: Path) -> Emulator:
    """Each board in turn; nothing is installed on it."""
    return start(request.param, source, tmp_path)


def start(name: str, source: Path, folder: Path, modules: Path | None = None) -> Emulator:
    """A board without anything on it; skips the test where it cannot be emulated."""
    board = BOARDS[name]
    if board.missing:
        pytest.skip(f"{board.missing} missing: tools/setup.sh develop installs them")
    return Emulator(board, firmware(source, name, modules), folder)


@pytest.fixture(scope="session")
def lenet5(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return pack_network("lenet5", tmp_path_factory.mktemp("zoo"))
