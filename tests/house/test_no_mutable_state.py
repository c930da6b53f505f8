"""The C core compiles without a warning and without a byte of mutable data: a native module could not link it (and on RISC-V
would link it wrongly), and nothing may hide outside what the caller owns."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

NATIVE = Path(__file__).resolve().parents[2] / "native"
SOURCES = sorted((NATIVE / "src").rglob("*.c"))
WARNINGS = "-Wall -Wextra -pedantic -Wconversion -Wshadow -Werror"
COMPILERS = {
    "host": "cc -O2 -fno-pie",
    "cortex-m0": "arm-none-eabi-gcc -Os -mcpu=cortex-m0 -mthumb",
    "cortex-m3": "arm-none-eabi-gcc -O2 -mcpu=cortex-m3 -mthumb",
}


def compiled(source: Path, target: str, directory: Path) -> ELFFile:
    command = COMPILERS[target].split()
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is missing; install Debian's gcc-arm-none-eabi")
    output = directory / "object.o"
    flags = ["-std=c99", "-ffreestanding", *WARNINGS.split(), f"-I{NATIVE / 'include'}"]
    subprocess.run([*command, *flags, "-c", str(source), "-o", str(output)], check=True)
    return ELFFile(output.open("rb"))


def mutable_bytes(elf: ELFFile) -> dict[str, int]:
    """Sections that a program could write to, with their sizes."""
    return {
        section.name: section["sh_size"]
        for section in elf.iter_sections()
        if section["sh_flags"] & SH_FLAGS.SHF_WRITE and section["sh_size"] > 0
    }


@pytest.mark.parametrize("target", COMPILERS)
@pytest.mark.parametrize("source", SOURCES, ids=lambda p: str(p.relative_to(NATIVE / "src")))
def test_core_has_no_mutable_state(source: Path, target: str, tmp_path: Path) -> None:
    assert mutable_bytes(compiled(source, target, tmp_path)) == {}


def test_the_check_finds_static_variables(tmp_path: Path) -> None:
    source = tmp_path / "bad.c"
    source.write_text("int f(void);\nint f(void) {\n    static int calls, begun = 1;\n    return calls++ + begun++;\n}\n")
    assert set(mutable_bytes(compiled(source, "host", tmp_path))) == {".data", ".bss"}
