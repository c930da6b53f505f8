"""Firmware for an MSP430FR5994 from a blob: start-up code, C core, blob and room for NVM in one ELF file.

Needs clang with its MSP430 target, and lld.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from math import ceil, prod, sqrt
from pathlib import Path

from freeml_pack.engine import Engine, EngineError
from freeml_pack.errors import PackError
from freeml_pack.firmware.native import NATIVE
from freeml_pack.graph import Encoding
from freeml_pack.inspection.network import NetworkOp, read_network
from freeml_pack.targets import Energy, Target, load_target

NAME = "msp430fr5994"
CORE = NATIVE / "src"
PORT = NATIVE / "ports" / NAME
FAR = range(0x10000, 0x44000)  # FRAM above 64 KB, which only far_copy reaches
PAIR_TAPS = int(re.findall(r"#define DOT_PAIR_TAPS (\d+)", (PORT / "dot.h").read_text())[0])
MESSAGE_SECONDS = 64 * 10 / 115_200  # an answer on its way out of the UART
TOLERANCE_MILLIVOLTS = 30  # of ADC and reference
CHANNEL = 8  # bytes of a channel's constants in scratch
# Files of kernels by the operators that they run; those of encoded weights; what the rest of the core calls of all these.
KERNELS = {
    ("DEPTHWISE_CONV_2D",): "depthwise_conv_2d",
    ("MAX_POOL_2D", "AVERAGE_POOL_2D"): "pool",
    ("ADD", "MULTIPLY"): "elementwise",
}
ENCODINGS = {"encoding", "encoded", "verify_encoding", "dot_sparse", "dot_blocks"}
FUNCTIONS = {
    "depthwise_conv_2d": ("fml_kernel_depthwise_conv_2d", "fml_kernel_depthwise_conv_2d_scratch"),
    "pool": ("fml_kernel_pool",),
    "elementwise": ("fml_kernel_elementwise",),
    "encoding": ("fml_encoding_block_count", "fml_encoding_block", "fml_encoding_largest_block"),
    "encoded": ("encoded_pixels",),
    "verify_encoding": ("fml_verify_encoding",),
}
PER_MODEL = ("main.c", "image.S")
LEA = PORT / "lea"  # with its kernel, which calls the CPU's by these names
CPU_KERNEL = [f"-Dfml_kernel_conv_2d{suffix}=cpu_conv_2d{suffix}" for suffix in ("", "_scratch")]
FLAGS = ["--target=msp430", "-mhwmult=f5series", "-ffreestanding", "-ffunction-sections", "-fdata-sections"]
C_FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]


HOT = ("conv_2d.c",)  # what runs for each pixel: for speed, all else for size


def tools() -> tuple[str, str]:
    """Compiler and linker. PackError where one is missing."""
    compiler = shutil.which("clang")
    linker = next(
        (path for name in ("ld.lld", "ld.lld-14", "/usr/lib/llvm-14/bin/ld.lld") if (path := shutil.which(name))), None
    )
    if compiler is None or linker is None:
        raise PackError("clang and lld are needed to build MSP430 firmware; install them (apt install clang lld)")
    return compiler, linker


def check_tools() -> None:
    """PackError where compiler or linker is missing, or the compiler knows no MSP430."""
    compiler, _ = tools()
    known = subprocess.run([compiler, "--print-targets"], capture_output=True, text=True).stdout
    if "msp430" not in known:
        raise PackError(f"{compiler} cannot compile for an MSP430; put another clang first in PATH (apt install clang lld)")


def _compile(source: Path, folder: Path, *flags: str) -> Path:
    compiler, _ = tools()
    target = folder / f"{source.name}.o"
    language = [*C_FLAGS, "-O2" if source.name in HOT else "-Oz"] if source.suffix == ".c" else []
    includes = ["-I", str(NATIVE / "include"), "-I", str(CORE), "-I", str(PORT)]
    includes = ["-I", str(NATIVE / "include"), "-I", str(CORE), "-I", str(PORT), "-I", str(LEA)]
