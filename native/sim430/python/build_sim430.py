"""Compiles the simulator into the extension module _sim430, when it is first wanted and whenever its sources have changed."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import re
import sysconfig
from pathlib import Path
from types import ModuleType

from cffi import FFI

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent
CACHE = HERE.parents[2] / "build" / "sim430"


def _declarations(header: str) -> str:
    """The header as cffi wants it: without comments and directives, constants kept."""
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    return re.sub(r"^#(?!define \w+ 0x).*\n", "", header, flags=re.MULTILINE).replace("u\n", "\n")


def _compile(folder: Path) -> None:
    builder = FFI()
    builder.cdef(_declarations((SOURCES / "sim430.h").read_text()))
    builder.set_source(
        "_sim430",
        '#include "sim430.h"',
        sources=[str(path) for path in sorted(SOURCES.glob("*.c"))],
        include_dirs=[str(SOURCES)],
        extra_compile_args=["-std=c99", "-O3", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function"],
    )
    builder.compile(tmpdir=str(folder))


def load() -> ModuleType:
    """The extension module. subprocess.CalledProcessError and the like where there is no C compiler."""
    files = [*sorted(SOURCES.glob("*.[ch]")), Path(__file__)]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    folder = CACHE / digest
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / f"_sim430{sysconfig.get_config_var('EXT_SUFFIX')}"
    with open(folder / "lock", "w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            _compile(folder)
    spec = importlib.util.spec_from_file_location("_sim430", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
