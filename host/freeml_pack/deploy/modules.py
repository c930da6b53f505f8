"""The files of the device package, made for a board."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from freeml_pack.errors import PackError

_CHECKOUT = Path(__file__).resolve().parents[3]
_BUILD = _CHECKOUT / "tools" / "build_device.py"
NATIVE = "freeml_core.mpy"
NO_NATIVE = "none"


def find(folder: Path | None, arch: str | None) -> dict[str, bytes]:
    """Content by path, relative to the board's lib.

    folder: as tools/build_device.py fills it; None: it is made now, with the tools of the source tree that FreeML was
    installed from. arch: of the native module, None: the firmware has it built in. PackError where a file is missing."""
    if folder is None:
        folder = _make(arch)
    package = sorted((folder / "freeml").rglob("*.mpy"))
    if not package:
        raise PackError(f"{folder} has no folder freeml with .mpy files; name the one that tools/build_device.py made")
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in package}
    if arch:
        native = folder / arch / NATIVE
        if not native.is_file():
            raise PackError(f"the board needs {native}, which is not there: make it with tools/build_device.py --arch {arch}")
        files[NATIVE] = native.read_bytes()
    return files


def _make(arch: str | None) -> Path:
    if not _BUILD.is_file():
        raise PackError("FreeML was not installed from its source tree; name the folder of the board's files with --modules")
    folder = _CHECKOUT / "build" / "device"
    command = [sys.executable, str(_BUILD), "--arch", arch or NO_NATIVE, "--out", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        said = (result.stderr or result.stdout).strip().splitlines()
        reason = said[-1].removeprefix("build_device: error: ") if said else "tools/build_device.py failed"
        raise PackError(f"the board's files could not be made: {reason}")
    return folder
