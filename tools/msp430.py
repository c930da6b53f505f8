#!/usr/bin/env python3
"""Builds firmware for an MSP430FR5994 from a blob: start-up code, C core, blob and room for NVM in one ELF file.

usage: msp430.py MODEL.fml [-o FIRMWARE.elf]

Needs clang with its MSP430 target, and lld (Debian: clang, lld).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "host"), str(ROOT / "schema")]

from freeml_pack.engine import Engine, EngineError  # noqa: E402
from freeml_pack.errors import PackError  # noqa: E402

CORE = ROOT / "native" / "src"
PORT = ROOT / "native" / "ports" / "msp430fr5994"
FAR = range(0x10000, 0x44000)  # FRAM above 64 KB, which only far_copy reaches
STACK_BYTES = 1024
SRAM_BYTES = 8192
FLAGS = ["--target=msp430", "-mhwmult=f5series", "-ffreestanding", "-ffunction-sections", "-fdata-sections"]
C_FLAGS = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]


def tools() -> tuple[str, str]:
    """Compiler and linker. PackError where one is missing."""
    compiler = shutil.which("clang")
    linker = next(
        (path for name in ("ld.lld", "ld.lld-14", "/usr/lib/llvm-14/bin/ld.lld") if (path := shutil.which(name))), None
    )
    if compiler is None or linker is None:
        raise PackError("clang and lld are needed to build MSP430 firmware; install them (apt install clang lld)")
    return compiler, linker


def sources() -> list[Path]:
    """The port, and the core but for the files that the port replaces by assembly of the same name."""
    port = sorted((*PORT.glob("*.c"), *PORT.glob("*.S")))
    replaced = {path.stem for path in port}
    return [*port, *(path for path in sorted(CORE.rglob("*.c")) if path.stem not in replaced)]


def defines(blob: bytes, is_far: bool) -> dict[str, int]:
    """Sizes and places that the port wants to know."""
    engine = Engine(blob, streamed=is_far)
    return {
        "IS_FAR": int(is_far),
        "FAR_BLOB": FAR.start,
        "BLOB_BYTES": len(blob),
        "SAMPLE_BYTES": engine.sample_size,
        "NVM_BYTES": engine.nvm_size,
        "SCRATCH_BYTES": max(engine.scratch_size, 64),  # fml_model_open wants some, too
    }


def build_as(blob: bytes, output: Path, is_far: bool, work: Path) -> str:
    """One attempt, with the whole blob below or above 64 KB. Returns what the linker complains of; empty: nothing."""
    compiler, linker = tools()
    metadata = Engine(blob).model.metadata_size
    (work / "near").write_bytes(blob[:metadata] if is_far else blob)
    (work / "far").write_bytes(blob if is_far else b"")
    sizes = [f"-D{name}={value}" for name, value in defines(blob, is_far).items()]
    files = [f'-DNEAR_FILE="{work}/near"', f'-DFAR_FILE="{work}/far"']
    includes = ["-I", str(ROOT / "native" / "include"), "-I", str(CORE), "-I", str(PORT)]
    objects = []
    for source in sources():
        objects.append(work / f"{source.stem}.o")
        language = C_FLAGS + sizes if source.suffix == ".c" else sizes + files
        subprocess.run([compiler, *FLAGS, *language, *includes, "-c", str(source), "-o", str(objects[-1])], check=True)
    link = [linker, "-N", "--gc-sections", "-T", str(PORT / "fr5994.ld"), "-o", str(output), *map(str, objects)]
    return subprocess.run(link, capture_output=True, text=True).stderr


def build(blob: bytes, output: Path) -> None:
    """Writes the firmware of a blob. PackError where it is none or does not fit."""
    try:
        needed = defines(blob, is_far=False)
    except EngineError as error:
        raise PackError(f"not a usable model: {error.text}; pack it again") from error
    with tempfile.TemporaryDirectory() as folder:
        if not build_as(blob, output, False, Path(folder)):
            return
        complaint = build_as(blob, output, True, Path(folder))
    if complaint:
        raise PackError(
            f"the model does not fit the device: {len(blob)} bytes, {needed['NVM_BYTES']} of NVM and "
            f"{needed['SCRATCH_BYTES']} of scratch; pack a smaller one, or for a smaller stream ({complaint.splitlines()[0]})"
        )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("model", type=Path, help="a blob of freeml-pack")
    parser.add_argument("-o", "--output", type=Path, help="the ELF file; default: beside the model")
    options = parser.parse_args(arguments)
    output = options.output or options.model.with_suffix(".elf")
    try:
        build(options.model.read_bytes(), output)
    except (PackError, OSError) as error:
        print(f"msp430: {error}", file=sys.stderr)
        return 2
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
