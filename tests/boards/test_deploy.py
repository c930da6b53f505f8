"""freeml-deploy, on emulated boards and on the unix port: a board with nothing on it, one that has all, one that is full,
copies that are interrupted."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import build_device
import get_micropython
import keyboard
import numpy as np
import pytest
from boards.conftest import start
from boards.emulator import BOARDS, Emulator
from freeml_pack.deploy.arch import native_module
from freeml_pack.deploy.board import Facts, check_abi, connect
from freeml_pack.deploy.romfs import check_fits
from freeml_pack.errors import PackError
from packed import Packed

pytestmark = pytest.mark.xdist_group("boards")
HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def modules(source: Path) -> Path:
    """As tools/build_device.py leaves it."""
    for board in BOARDS.values():
        if not board.missing:
            build_device.build_native(source, board.arch)
    build_device.build_native(source, "x64")
    build_device.build_package()
    return build_device.DEFAULT


@pytest.fixture
def model(lenet5: Packed, tmp_path: Path) -> Path:
    path = tmp_path / "model.fml"
    path.write_bytes(lenet5.blob)
    return path


def command(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "freeml_pack.deploy.cli", *arguments]


def deploy(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120)


def refusal(*arguments: str | Path) -> str:
    """The one line on stderr."""
    result = deploy(*arguments)
    assert (result.returncode, result.stdout.count("OTHER BYTES")) == (2, 0), result.stderr
    assert result.stderr.startswith("freeml-deploy: error: ")
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


def expected_files(modules: Path, arch: str, blob: bytes) -> dict[str, bytes]:
    files = {f"/lib/{path.relative_to(modules)}": path.read_bytes() for path in (modules / "freeml").rglob("*.mpy")}
    return files | {"/lib/freeml_core.mpy": (modules / arch / "freeml_core.mpy").read_bytes(), "/model.fml": blob}


def test_boards(emulator: Emulator, modules: Path, model: Path, lenet5: Packed, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x_test=np.random.default_rng(2).normal(size=(2, 1, 28, 28)), y_test=np.array([3, 4]))
    emulator.install({})
    with emulator.serial() as port:
        result = deploy(model, "--port", port, "--modules", modules, "--data", tmp_path / "data.npz")
        assert result.returncode == 0, result.stderr
        assert re.search(rf", MicroPython 1\.\d+\.\d+; native modules for {emulator.board.arch}\n", result.stdout)
        assert f"{len(expected_files(modules, emulator.board.arch, b''))} files copied" in result.stdout
        assert result.stdout.count("the same bytes as on this computer") == 2
        assert "sample 1: label " in result.stdout
        again = deploy(model, "--port", port, "--modules", modules)
        assert again.returncode == 0
        assert "nothing to copy, all checked" in again.stdout
    assert emulator.files() == expected_files(modules, emulator.board.arch, lenet5.blob)


def test_romfs(source: Path, modules: Path, model: Path, tmp_path: Path) -> None:
    """The model is used where it lies: it takes less than from a file. Nothing is written to the other file system."""
    emulator = start("m3", source, tmp_path)
    emulator.install({})
    with emulator.serial() as port:
        result = deploy(model, "--port", port, "--modules", modules, "--romfs")
        assert result.returncode == 0, result.stderr
        assert "all in ROMFS, checked" in result.stdout
        copied = deploy(model, "--port", port, "--modules", modules)
    in_place, streamed = (int(re.findall(r"RAM +([\d,]+)", said.stdout)[0].replace(",", "")) for said in (result, copied))
    assert in_place < 8000 < streamed


def test_romfs_that_is_too_small(source: Path, modules: Path, lenet5: Packed, tmp_path: Path) -> None:
    (tmp_path / "model.fml").write_bytes(lenet5.blob)
    emulator = start("m3", source, tmp_path)
    emulator.install({})
    with emulator.serial() as port, connect(port) as board, pytest.raises(PackError, match="has 524,288 bytes, 12 too few"):
        check_fits(board, bytes(524300))


@contextmanager
def unix_port(program: Path, folder: Path) -> Iterator[str]:
    """A terminal behind which the unix port runs in `folder`."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    process = subprocess.Popen(
        [program, HERE / "raw_repl.py"], cwd=folder, stdin=ours, stdout=ours, env=os.environ | {"MICROPYPATH": "lib"}
    )
    try:
        yield os.ttyname(theirs)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def test_unix_port(modules: Path, model: Path, lenet5: Packed, tmp_path: Path) -> None:
    folder = tmp_path / "board"
    folder.mkdir()
    with unix_port(get_micropython.get().program, folder) as port:
        result = deploy(model, "--port", port, "--modules", modules)
        assert result.returncode == 0, result.stderr
        assert "native modules for x64" in result.stdout
        assert "has no ROMFS partition" in refusal(model, "--port", port, "--modules", modules, "--romfs")
    files = {f"/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert files == expected_files(modules, "x64", lenet5.blob)


@pytest.fixture
def old(source: Path, tmp_path: Path, native: Callable[[str], bytes], package: dict[str, bytes]) -> Emulator:
    """A board that has all, but another model."""
    emulator = start("m3", source, tmp_path)
    files = {f"/lib/{name}": content for name, content in (package | {"freeml_core.mpy": native("armv7m")}).items()}
    emulator.install(files | {"/model.fml": b"the old one", "/main.py": b"import board; board.cut_power(60)"})
    return emulator


def test_power_fails_while_copying(old: Emulator, modules: Path, model: Path, lenet5: Packed) -> None:
    """The board has the old model; then the new one."""
    with old.serial() as port:
        assert "broke off" in refusal(model, "--port", port, "--modules", modules)
    assert old.files()["/model.fml"] == b"the old one"
    old.change_flash("/main.py", b"")
    with old.serial() as port:
        assert "1 files copied" in deploy(model, "--port", port, "--modules", modules).stdout
    files = old.files()
    assert files["/model.fml"] == lenet5.blob
    assert not [path for path in files if path.endswith(".new")]


def test_the_command_is_interrupted(old: Emulator, modules: Path, model: Path) -> None:
    old.change_flash("/main.py", b"")
    with old.serial() as port:
        process = subprocess.Popen(
            command(model, "--port", port, "--modules", modules), stderr=subprocess.PIPE, text=True, preexec_fn=keyboard.listen
        )
        image = old.folder / "flash.img"
        before = image.read_bytes()
        while image.read_bytes() == before:  # until it writes
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.startswith("freeml-deploy: interrupted; each file on the board is the old one or the new one")
    assert old.files()["/model.fml"] == b"the old one"


def test_full_flash(source: Path, tmp_path: Path, modules: Path, model: Path) -> None:
    emulator = start("m3", source, tmp_path)
    emulator.install({"/model.fml": b"the old one"}, blocks=64)
    with emulator.serial() as port:
        assert "the board's file system lacks " in refusal(model, "--port", port, "--modules", modules)
    assert emulator.files() == {"/model.fml": b"the old one"}


def test_bad_input(model: Path, modules: Path, tmp_path: Path) -> None:
    port = ("--port", str(tmp_path / "ttyACM9"))
    assert "cannot open" in refusal(model, *port)
    assert "cannot read" in refusal(tmp_path / "missing.fml", *port)
    assert "see freeml-deploy --help" in refusal(*port)
    assert "is not a serial port" in refusal(model, "--port", "gopher://x")
    (tmp_path / "bad.fml").write_bytes(model.read_bytes()[:-1])
    assert "is not a good FreeML blob" in refusal(tmp_path / "bad.fml", *port)
    np.savez(tmp_path / "data.npz", x_test=np.zeros((2, 5)), y_test=np.zeros(2, int))
    assert "give the data of the model" in refusal(model, *port, "--data", tmp_path / "data.npz")


def test_what_does_not_answer(model: Path) -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    try:
        assert "does not answer as MicroPython does" in refusal(model, "--port", os.ttyname(theirs))
    finally:
        os.close(ours)
        os.close(theirs)


def test_modules_that_are_missing(source: Path, model: Path, tmp_path: Path) -> None:
    emulator = start("m3", source, tmp_path)
    emulator.install({})
    build_device.build_package(tmp_path / "modules")
    with emulator.serial() as port:
        assert "make it with tools/build_device.py --arch armv7m" in refusal(
            model, "--port", port, "--modules", tmp_path / "modules"
        )
        assert "has no folder freeml" in refusal(model, "--port", port, "--modules", tmp_path)


def test_old_firmware_is_named() -> None:
    facts = Facts("a board", "MicroPython 1.21.0", "armv6m", (6, 1), False, 10**6, 4096, 10**5)
    with pytest.raises(PackError, match=r"MicroPython 1\.21\.0 loads \.mpy files of version 6\.1, .* 1\.23 or newer"):
        check_abi(facts)


def test_modules_of_processors() -> None:
    """MicroPython's numbers: py/persistentcode.h."""
    assert [native_module(number << 10 | 3 << 8 | 6) for number in (2, 4, 6, 7, 8, 11)] == [
        "x64",
        "armv6m",
        "armv7m",  # armv7em, as a Cortex-M3 calls itself
        "armv7emsp",
        "armv7emsp",  # armv7emdp
        "rv32imc",
    ]
    assert [native_module(number << 10) for number in (0, 15)] == [None, None]
    assert native_module(0) is None
