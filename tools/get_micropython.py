#!/usr/bin/env python3
"""Gets a real MicroPython: the source tree (for native modules) and the program for this computer ("unix port").

usage: get_micropython.py [DEST]        default: build/micropython

Environment: MPY_DIR, a source tree, and MICROPYTHON, a program, are used where they are set. What is not set is made in
DEST from Debian's source package: apt is pointed at lists of its own, so nothing of the system changes and no root is
needed. DEBIAN_MIRROR: where from, if not from the mirror that this computer's apt uses. Run again, it does nothing when
all is there. Exit status 2 with one line on stderr when something is missing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = ROOT / "build" / "micropython"

RELEASE = "trixie"
VERSION = "1.25.0+ds-1"
ARCHIVE = "micropython_1.25.0+ds.orig.tar.xz"
SHA256 = "7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# What the source package leaves out cannot be built in, and nothing is frozen, so that no compiler for Python is needed.
BUILD_OPTIONS = ["VARIANT=standard", "FROZEN_MANIFEST=", "MICROPY_PY_FFI=0", "MICROPY_PY_SSL=0", "MICROPY_PY_BTREE=0"]
ALTERNATIVE = "get MicroPython 1.23 or newer by other means and set MPY_DIR to its source tree"


class MissingError(Exception):
    """Something that the user has to do; one sentence."""


@dataclass(frozen=True)
class MicroPython:
    program: Path
    source: Path


def get(dest: Path = DEFAULT) -> MicroPython:
    """Finds or makes both. Raises MissingError."""
    dest = dest.resolve()
    dest.mkdir(parents=True, exist_ok=True)
    with locked(dest):
        source = _from_environment("MPY_DIR", "py/dynruntime.h") or _download(dest)
        program = _from_environment("MICROPYTHON", "") or _build(source, dest)
        (dest / ".ready").write_text(f"MPY_DIR={source}\nMICROPYTHON={program}\n")
    return MicroPython(program, source)


def _from_environment(name: str, inside: str) -> Path | None:
    if name not in os.environ:
        return None
    path = Path(os.environ[name]).expanduser().resolve()
    if not (path / inside).is_file():
        raise MissingError(f"{name}={path} has no {inside or 'program'}; set it right or unset it")
    return path


def _download(dest: Path) -> Path:
    source = dest / "source"
    if source.is_dir():
        return source
    _need("apt-get", f"only Debian's source package is known here; {ALTERNATIVE}")
    if not KEYRING.exists():
        raise MissingError(f"{KEYRING} is missing: install the package debian-archive-keyring, or {ALTERNATIVE}")
    _say("getting the MicroPython source from Debian")
    archive = dest / ARCHIVE
    if not archive.exists():
        _apt_download(dest)
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        archive.unlink()
        raise MissingError(f"{ARCHIVE} is not what it should be (SHA-256 differs); it was removed, run again")
    unpacking = dest / "unpacking"
    shutil.rmtree(unpacking, ignore_errors=True)
    unpacking.mkdir()
    _run(["tar", "-xf", str(archive), "-C", str(unpacking)], dest, f"{archive} could not be unpacked; is xz-utils installed?")
    next(unpacking.iterdir()).rename(source)
    unpacking.rmdir()
    return source


def _apt_download(dest: Path) -> None:
    apt, mirror = dest / "apt", _mirror()
    for folder in ("lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "sources.list").write_text(f"deb-src [signed-by={KEYRING}] {mirror} {RELEASE} main\n")
    options = {
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": apt / "lists",
        "Dir::Cache": apt / "cache",
        "APT::Sandbox::User": "",
    }
    command = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items())]
    advice = f"MicroPython {VERSION} could not be fetched from {mirror}; {ALTERNATIVE}"
    _run([*command, "update"], dest, advice)
    _run([*command, "source", "--download-only", f"micropython={VERSION}"], dest, advice)


def _mirror() -> str:
    """A Debian mirror: the one that the user names, or that this computer uses."""
    if "DEBIAN_MIRROR" in os.environ:
        return os.environ["DEBIAN_MIRROR"]
    for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        for word in path.read_text(errors="replace").split() if path.is_file() else []:
            if "://" in word and word.rstrip("/").endswith("/debian"):
                return word
    raise MissingError(f"apt knows no Debian mirror here: set DEBIAN_MIRROR to the address of one, or {ALTERNATIVE}")


def _build(source: Path, dest: Path) -> Path:
    program = dest / "unix" / "micropython"
    if program.exists():
        return program
    for tool in ("gcc", "make"):
        _need(tool, "paste this and run again: sudo apt-get install build-essential")
    _say("building MicroPython for this computer (half a minute)")
    make = ["make", "-C", str(source / "ports" / "unix"), f"-j{os.cpu_count() or 1}", f"BUILD={dest / 'unix'}", *BUILD_OPTIONS]
    _run(make, dest, "MicroPython could not be built")
    return program


def _need(tool: str, advice: str) -> None:
    if shutil.which(tool) is None:
        raise MissingError(f"{tool} is missing: {advice}")


def _run(command: list[str], dest: Path, advice: str) -> None:
    log = dest / "log.txt"
    with log.open("w") as output:
        status = subprocess.run(command, cwd=dest, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode
    if status != 0:
        raise MissingError(f"{advice} (what {command[0]} said is in {log})")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Two processes must not build in one folder at the same time."""
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(what: str) -> None:
    print(f"micropython: {what}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0 if len(arguments) == 1 else 2
    try:
        found = get(Path(arguments[0]) if arguments else DEFAULT)
    except MissingError as error:
        print(f"get_micropython: error: {error}", file=sys.stderr)
        return 2
    print(f"MPY_DIR={found.source}\nMICROPYTHON={found.program}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
