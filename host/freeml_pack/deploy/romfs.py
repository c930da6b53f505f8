"""A board's ROMFS partition: files there are used where they lie. It is written as a whole, by mpremote's own command."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mpremote.romfs import VfsRomWriter

from freeml_pack.deploy.board import Board
from freeml_pack.errors import PackError

MOUNT = "/rom/"

_PARTITION = """
def size():
    try:
        import vfs
        device = vfs.rom_ioctl(2, 0)
    except (ImportError, AttributeError, OSError):
        return 0
    if isinstance(device, int):
        return 0
    return device.ioctl(4, 0) * device.ioctl(5, 0) if hasattr(device, "ioctl") else len(device)
print(size())
"""


def image(files: Mapping[str, bytes]) -> bytes:
    """A file system of these files, by path."""
    writer = VfsRomWriter()
    _write_folder(writer, files)
    return bytes(writer.finalise())


def _write_folder(writer: VfsRomWriter, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        if "/" not in path:
            writer.mkfile(path, content)
    for folder in sorted({path.split("/")[0] for path in files if "/" in path}):
        writer.opendir(folder)
        start = f"{folder}/"
        _write_folder(writer, {path.removeprefix(start): files[path] for path in files if path.startswith(start)})
        writer.closedir()


def check_fits(board: Board, content: bytes) -> None:
    """PackError where the board has no ROMFS, or a smaller one."""
    size = board.ask(_PARTITION)
    if not size:
        raise PackError(
            "the board's firmware has no ROMFS partition (MicroPython 1.25 and newer have one where their options say so); "
            "leave --romfs out"
        )
    if size < len(content):
        raise PackError(
            f"the board's ROMFS has {size:,} bytes, {len(content) - size:,} too few; "
            "pack a smaller model (freeml-pack --size), or leave --romfs out"
        )


def write(port: str, content: bytes) -> None:
    """Replaces what is in the partition. The board must not be connected otherwise. PackError where mpremote fails."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "freeml.romfs"
        file.write_bytes(content)
        command = [sys.executable, "-m", "mpremote", "connect", port, "romfs", "deploy", str(file)]
        result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        said = (result.stderr or result.stdout).strip().splitlines()
        raise PackError(f"the ROMFS could not be written ({said[-1] if said else 'mpremote failed'}); run this again")
