#!/usr/bin/env python3
"""Instructions of the C core on a Cortex-M3 for each multiply-accumulate with a kept weight, in every encoding of weights.

usage: kernel_cost.py [--density D] [FLAG...]       default: 0.2, and -Os, as the device modules are compiled

Whole operators run in QEMU, whose clock then counts instructions: all that their steps take (gathering windows, requantization)
is divided by the products with weights that are not zero. Instructions are not cycles. Prints a table and writes
build/kernel_cost.json. Exit status 2 where the compiler or QEMU is missing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import graphs  # noqa: E402
from freeml_pack.blob import write_blob  # noqa: E402
from freeml_pack.encodings import entry_counts, is_sparse, products  # noqa: E402
from freeml_pack.graph import Encoding, Graph, Window  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

OUTPUT = ROOT / "build" / "kernel_cost.json"
BENCH = ROOT / "native" / "bench"
COMPILER, QEMU = "arm-none-eabi-gcc", "qemu-system-arm"
MACHINE = ["-std=gnu99", "-mcpu=cortex-m3", "-mthumb", "-ffreestanding", "-nostdlib"]
BLOB = 0x2100000C  # the blob's size, and behind it the blob
TICKS = 25.6  # of the board's 25 MHz timer for an instruction, which QEMU's clock counts as 2^SHIFT ns
SHIFT = 10

# input (channels, height, width), output channels, kernel; as in the comparison of kernels that the design began with
SHAPES = {
    "conv 3x3": ((16, 14, 14), 32, 3),
    "3x3, 64 in": ((64, 8, 8), 32, 3),
    "conv 1x1": ((64, 8, 8), 64, 1),
    "linear": ((400, 1, 1), 120, 1),
}


def build(flags: list[str], folder: Path) -> Path:
    """The program of native/bench, which runs a blob's last operator."""
    program = folder / "kernel_cost.elf"
    sources = [BENCH / "kernel_cost.c", *sorted((ROOT / "native" / "src").rglob("*.c"))]
    includes = [f"-I{ROOT / 'native' / folder}" for folder in ("include", "src")]
    link = ["-lgcc", f"-Wl,-T,{BENCH / 'cortex_m3.ld'}", "-o", str(program)]
    subprocess.run([COMPILER, *MACHINE, *flags, *includes, *map(str, sources), *link], check=True)
    return program


def operator(shape: str, encoding: Encoding, density: float) -> tuple[Graph, int]:
    """A graph that ends with the operator, and its products with kept weights."""
    inputs, out, kernel = SHAPES[shape]
    b = graphs.Builder(np.random.default_rng(0))
    window = Window((kernel, kernel), padding=(kernel // 2,) * 4)
    graph = b.finish(b.conv(b.quantize(inputs), out, window, encoding=encoding, density=density))
    convolution = graph.ops[1]
    assert convolution.q is not None
    # As layers with and without ReLU have it.
    convolution = replace(convolution, q=replace(convolution.q, activation_min=-128, activation_max=127))
    graph = graph.with_(ops=(graph.ops[0], convolution))
    weight = convolution.q.weight
    assert weight is not None
    kept = weight.size
    if is_sparse(encoding):  # where four channels share their taps, all four are kept, some of them zeros by chance
        in_fours = encoding in (Encoding.BLOCK_SPARSE_8, Encoding.BLOCK_SPARSE_4)
        kept = (
            int(products(out, kept // out, encoding, entry_counts(weight, encoding)).sum())
            if in_fours
            else np.count_nonzero(weight)
        )
    return graph, int(kept) * inputs[1] * inputs[2]


def instructions(program: Path, blob: bytes) -> int:
    path = program.with_name("blob")
    path.write_bytes(struct.pack("<I", len(blob)) + blob)
    board = ["-machine", "mps2-an385", "-nographic", "-monitor", "none", "-serial", "none", "-icount", f"shift={SHIFT}"]
    semihosting = ["-semihosting-config", "enable=on,target=native"]
    loaded = ["-kernel", str(program), "-device", f"loader,file={path},addr={BLOB:#x},force-raw=on"]
    result = subprocess.run([QEMU, *board, *semihosting, *loaded], capture_output=True, text=True, check=True, timeout=60)
    _, ticks = (int(number) for number in (result.stdout + result.stderr).split())
    return round(ticks / TICKS)


def measure(flags: list[str], density: float) -> dict[str, dict[str, float]]:
    """Instructions for each kept multiply-accumulate: {shape: {encoding: number}}."""
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        program = build(flags, Path(folder))
        for shape in SHAPES:
            for encoding in Encoding:
                graph, kept = operator(shape, encoding, density)
                count = instructions(program, write_blob(graph, graphs.roomy_plan(graph)))
                results.setdefault(shape, {})[encoding.name] = round(count / kept, 3)
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--density", type=float, default=0.2, help="share of the weights that sparse encodings keep")
    arguments, flags = parser.parse_known_args()
    for tool, package in ((COMPILER, "gcc-arm-none-eabi"), (QEMU, "qemu-system-arm")):
        if shutil.which(tool) is None:
            print(f"kernel_cost: error: {tool} is missing; install Debian's {package}", file=sys.stderr)
            return 2
    results = measure(flags or ["-Os"], arguments.density)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps({"density": arguments.density, "instructions": results}, indent=2) + "\n")
    table = Table("encoding", *SHAPES, title=f"instructions of a Cortex-M3 a kept MAC, density {arguments.density:.0%}")
    for encoding in Encoding:
        cells = [results[shape][encoding.name] for shape in SHAPES]
        dense = [results[shape]["DENSE_8"] for shape in SHAPES]
        table.add_row(encoding.name, *(f"{cell:.2f} ({cell / whole:.2f}x)" for cell, whole in zip(cells, dense, strict=True)))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
