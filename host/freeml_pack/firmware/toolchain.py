"""What compiles and links firmware for an MSP430: clang with lld, or GCC (msp430-elf-gcc, also TI's)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from freeml_pack.errors import PackError

GCC = "msp430-elf-gcc"
_HINT = "install clang and lld (apt install clang lld), or put msp430-elf-gcc into PATH"


@dataclass(frozen=True)
class Toolchain:
    """Commands, and flags of both compilations (flags: of all sources, c_flags: of C only) and of the link. libraries: of the
    compiler, which come last; own_runtime: the port's runtime.S takes their place."""

    compiler: str
    linker: str
    flags: tuple[str, ...]
    c_flags: tuple[str, ...]
    link_flags: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    own_runtime: bool = True

    def compile(self, source: Path, folder: Path, include: Sequence[Path], *flags: str) -> Path:
        """The object file of a C or assembly file, in `folder`. subprocess.CalledProcessError where it has errors."""
        target = folder / f"{source.name}.o"
        language = self.c_flags if source.suffix == ".c" else ()
        # The assembler looks for what assembly files include, too.
        folders = [flag for path in include for flag in (f"-I{path}", f"-Wa,-I{path}")]
        command = [self.compiler, *self.flags, *language, *flags, *folders, "-c", str(source), "-o", str(target)]
        subprocess.run(command, check=True)
        return target

    def link(self, objects: Sequence[Path], output: Path, *flags: str) -> str:
        """What the linker complains of; empty: nothing, and `output` is there."""
        command = [self.linker, *self.link_flags, *flags, "-o", str(output), *map(str, objects), *self.libraries]
        result = subprocess.run(command, capture_output=True, text=True)
        return (result.stderr or "the linker failed") if result.returncode else ""


def clang() -> Toolchain:
    """PackError where compiler or linker is missing, or the compiler knows no MSP430."""
    compiler = shutil.which("clang")
    own = str(Path(compiler or "").resolve().parent / "ld.lld")  # the linker reads the compiler's bitcode: of one version
    linker = next((path for name in (own, "ld.lld", "ld.lld-14") if (path := shutil.which(name))), None)
    if compiler is None or linker is None:
        raise PackError(f"no compiler for MSP430 firmware was found; {_HINT}")
    known = subprocess.run([compiler, "--print-targets"], capture_output=True, text=True).stdout
    if "msp430" not in known:
        raise PackError(f"{compiler} cannot compile for an MSP430; put another clang first in PATH, or {_HINT}")
    return Toolchain(
        compiler,
        linker,
        flags=("--target=msp430", "-mhwmult=f5series", "-ffreestanding"),
        c_flags=("-Oz", "-flto"),
        link_flags=("-N", "--gc-sections", "--fatal-warnings", "-mllvm", "--mhwmult=f5series"),
    )


def gcc(compiler: str = GCC) -> Toolchain:
    """Of a name or path. PackError where it is none."""
    path = shutil.which(compiler)

    def told(*flags: str) -> str:
        return subprocess.run([path or compiler, *flags], capture_output=True, text=True).stdout.strip()

    if path is None or not told("-dumpmachine").startswith("msp430"):
        raise PackError(f"{compiler} is no GCC for an MSP430; name msp430-elf-gcc, of TI or built from GCC's sources")
    cpu = ("-mcpu=msp430x", "-msmall", "-mhwmult=f5series")
    return Toolchain(
        path,
        told("-print-prog-name=ld"),
        flags=(*cpu, "-ffreestanding"),
        # Peripherals lie below 4 KB, where GCC 12 believes that nothing can be.
        c_flags=("-Os", "-ffunction-sections", "-fdata-sections", "-Wno-array-bounds"),
        link_flags=("-N", "--gc-sections"),
        libraries=tuple(told(*cpu, f"-print-file-name={name}") for name in ("libmul_f5.a", "libgcc.a")),
        own_runtime=False,
    )


def found() -> Toolchain:
    """clang where it can; else GCC. PackError where neither is there."""
    try:
        return clang()
    except PackError:
        if shutil.which(GCC) is None:
            raise
    return gcc()
