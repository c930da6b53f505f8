#!/usr/bin/env python3
"""Instructions of the C core on emulated cores: for each kernel a multiply-accumulate, for each network an inference.

usage: instructions.py [--core NAME]... [--only NAME]... [--module | FLAG...]      default: everything, with -O2

Programs run in QEMU, whose clock then counts instructions; the numbers are the same on every computer. A kernel is the last
operator of a small network, all of its steps; a network is packed as for any user, for the target "generic", and runs from the
sample to the scores with all commits. Weights are laid out as for a target with that core. Scores must be those of the core on
this computer. "host" is this computer, counted by callgrind. --module: compiled as the native modules for MicroPython are.
Instructions are not cycles. Prints a table with the change since the run before, and writes build/bench.json and
build/bench.csv. Exit status 2 where a compiler or an emulator is missing.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "powerfail")]

import graphs  # noqa: E402
from freeml_pack.blob import write_blob  # noqa: E402
from freeml_pack.encode import choose_encoding  # noqa: E402
from freeml_pack.engine import Engine  # noqa: E402
from freeml_pack.graph import Graph, Window  # noqa: E402
from freeml_pack.plan import plan  # noqa: E402
from freeml_pack.targets import load_target  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

FOLDER = ROOT / "build" / "bench"
RESULT = ROOT / "build" / "bench.json"
SOURCES = ROOT / "native" / "bench"
SHIFT = 10  # QEMU's clock: 2^SHIFT ns an instruction
NETWORKS = ("lenet5_relu", "lenet5", "ds_cnn", "mobilenet", "resnet_b")

Results = dict[str, dict[str, dict[str, float]]]  # core, network or kernel, what


@dataclass(frozen=True)
class Core:
    """An emulated core. memory: where native/bench/board.h wants sample and blob; ticks: of its clock, for an instruction;
    target: one that has such a core, by whose prices layouts of weights are chosen."""

    compiler: tuple[str, ...]
    qemu: tuple[str, ...]
    memory: int
    ticks: float
    program: int = 0
    target: str = "generic"

    @property
    def tools(self) -> tuple[str, str]:
        return self.compiler[0], self.qemu[0]


def _arm(cpu: str, *machine: str, memory: int, hertz: float, target: str = "generic") -> Core:
    compiler = ("arm-none-eabi-gcc", f"-mcpu={cpu}", "-mthumb")
    return Core(compiler, ("qemu-system-arm", "-machine", *machine), memory, hertz * 2**SHIFT / 1e9, target=target)


_MICROBIT = ("microbit", "-global", "nrf51-soc.sram-size=0x1000000")
_RISCV = ("riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32")
CORES = {
    "cortex-m0": _arm("cortex-m0", *_MICROBIT, memory=0x20100000, hertz=16e6, target="rp2040"),
    "cortex-m3": _arm("cortex-m3", "mps2-an385", memory=0x21000000, hertz=25e6),
    "cortex-m4": _arm("cortex-m4", "mps2-an386", memory=0x21000000, hertz=25e6, target="stm32l4"),
    "rv32imc": Core(
        _RISCV, ("qemu-system-riscv32", "-machine", "virt", "-bios", "none"), 0x81000000, 1.0, 0x80000000, "esp32c3"
    ),
}
PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
    "valgrind": "valgrind",
}


def missing(*tools: str) -> str | None:
    """The first of these tools that is not there, and how to get it."""
    for tool in tools:
        if shutil.which(tool) is None:
            return f"{tool} is missing; install Debian's {PACKAGES[tool]}"
    return None


def kernels() -> dict[str, Graph]:
    """The five layers of the comparison of kernels that the design began with: each a graph's last operator."""

    def graph(inputs: tuple[int, int, int], layer: Callable[[graphs.Builder, str], str]) -> Graph:
        b = graphs.Builder(np.random.default_rng(0))
        return b.finish(layer(b, b.quantize(inputs)))

    around = Window((3, 3), padding=(1, 1, 1, 1))
    return {
        "conv 3x3, 16 to 32, 14x14": graph((16, 14, 14), lambda b, x: b.conv(x, 32, around)),
        "conv 1x1, 64 to 64, 8x8": graph((64, 8, 8), lambda b, x: b.conv(x, 64, Window((1, 1)))),
        "depthwise 3x3, 64, 8x8": graph((64, 8, 8), lambda b, x: b.depthwise(x, around)),
        "linear, 400 to 120": graph((400, 1, 1), lambda b, x: b.linear(x, 120)),
        "conv 3x3, 1 to 16, 28x28": graph((1, 28, 28), lambda b, x: b.conv(x, 16, around)),
    }


def macs(graph: Graph) -> list[int]:
    """Multiply-accumulates of each operator, taps in the padding included."""
    counts = []
    for op in graph.ops:
        weight = op.q.weight if op.q is not None else None
        height, width, channels = graph.tensors[op.output].shape
        pool = getattr(op, "pool", (1, 1))
        pixels = height * pool[0] * width * pool[1]
        counts.append(0 if weight is None else pixels * channels * int(weight[0].size))
    return counts


def network(name: str, target: str = "generic") -> tuple[Graph, bytes]:
    """A network of tests/zoo.py as the packer makes it: the int8 graph, the blob. target: whose layouts the weights have."""
    from zoo import ZOO

    import cases

    FOLDER.mkdir(parents=True, exist_ok=True)
    graph = choose_encoding(cases.packed_graph(name, *ZOO[name](), FOLDER), load_target(target))
    return graph, write_blob(graph, plan(graph, load_target("generic")))


MODULE = "--module"
_MODULE_FLAGS = ["-Os", "-fpic", "-fno-common", "-fno-tree-loop-distribute-patterns"]


def build(name: str, flags: list[str], folder: Path = FOLDER) -> Path:
    """native/bench/bench.c and the C core for an emulated core. flags: of the compiler, or MODULE."""
    folder.mkdir(parents=True, exist_ok=True)
    core, program = CORES[name], folder / f"{name}.elf"
    sources = [SOURCES / "bench.c", *sorted((ROOT / "native" / "src").rglob("*.c"))]
    includes = [f"-I{ROOT / 'native' / folder}" for folder in ("include", "src", "bench")]
    link = ["-lgcc", f"-Wl,-T,{SOURCES / 'bench.ld'}", f"-Wl,--defsym=program={core.program:#x},-e,main", "-o", str(program)]
    options = ["-std=gnu99", "-ffreestanding", "-nostdlib", *core.compiler[1:], *includes]
    if flags == [MODULE]:
        flags, fast = _MODULE_FLAGS, _fast_kernels()
        objects = [folder / f"{source.stem}.o" for source in sources if source.stem in fast]
        compiled = [str(source) for source in sources if source.stem in fast]
        subprocess.run([core.compiler[0], *options, *flags, "-O2", "-c", *compiled], check=True, cwd=folder)
        sources = [*(source for source in sources if source.stem not in fast), *objects]
    subprocess.run([core.compiler[0], *options, *flags, *map(str, sources), *link], check=True)
    return program


def _fast_kernels() -> set[str]:
    """Names of the kernels that a native module has in full length."""
    makefile = ROOT / "native" / "ports" / "micropython"
    command = ["make", "-s", "-C", str(makefile), "fast-kernels", "MPY_DIR=."]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def run(name: str, program: Path, blob: bytes) -> tuple[list[int], int]:
    """(instructions of each operator's steps, of a whole inference with commits). AssertionError where the scores are wrong."""
    core, engine = CORES[name], Engine(blob)
    sample = np.random.default_rng(1).integers(0, 256, engine.sample_size | 1, np.uint8).tobytes()
    image = program.with_name("image")  # of an odd number of bytes before the blob, which may lie anywhere
    image.write_bytes(struct.pack("<II", len(sample), len(blob)) + sample + blob)
    board = [*core.qemu, "-nographic", "-monitor", "none", "-serial", "none", "-icount", f"shift={SHIFT}"]
    semihosting = ["-semihosting-config", "enable=on,target=native"]
    loaded = ["-kernel", str(program), "-device", f"loader,file={image},addr={core.memory:#x},force-raw=on"]
    result = subprocess.run([*board, *semihosting, *loaded], capture_output=True, text=True, check=False, timeout=300)
    lines = dict(line.split() for line in (result.stdout + result.stderr).splitlines() if len(line.split()) == 2)
    if "crc" not in lines:
        raise RuntimeError(f"the program failed on {name}: {result.stdout} {result.stderr}")
    assert int(lines["crc"]) == zlib.crc32(engine.run(sample[: engine.sample_size])), f"wrong scores on {name}"
    steps = [round(int(lines[str(index)]) / core.ticks) for index in range(engine.op_count)]
    return steps, round(int(lines["all"]) / core.ticks)


def measure(name: str, flags: list[str], only: Callable[[str], bool] = lambda _: True) -> dict[str, dict[str, float]]:
    """{kernel or network: {"instructions", "per_mac"}} of an emulated core."""
    program = build(name, flags)
    rows: dict[str, dict[str, float]] = {}
    for kernel, graph in kernels().items():
        if only(kernel):
            graph = choose_encoding(graph, load_target(CORES[name].target))
            steps, _ = run(name, program, write_blob(graph, graphs.roomy_plan(graph)))
            rows[kernel] = _row(steps[-1], macs(graph)[-1])
    for title in filter(only, NETWORKS):
        graph, blob = network(title, CORES[name].target)
        _, whole = run(name, program, blob)
        rows[title] = _row(whole, sum(macs(graph)))
    return rows


def _row(instructions: int, products: int) -> dict[str, float]:
    return {"instructions": instructions, "per_mac": round(instructions / products, 3)}


def measure_host(only: Callable[[str], bool]) -> dict[str, dict[str, float]]:
    """The networks on this computer, under callgrind, commits included; as tests/powerfail/overhead.py counts them."""
    import cases
    import overhead

    program = overhead.build_driver(FOLDER)
    rows = {}
    for title in filter(only, NETWORKS):
        graph, _ = network(title)
        case = cases.case_of(title, graph, plan(graph, load_target("generic")))
        instructions, _ = overhead.instructions(program, "session", case.write(FOLDER))
        rows[title] = _row(instructions, sum(macs(graph)))
    return rows


def changes(now: Results, before: Results) -> Iterator[tuple[str, str, dict[str, float], float | None]]:
    """(core, what, numbers, share by which the instructions changed since the run before, if it had them)"""
    for core, rows in now.items():
        for what, row in rows.items():
            old = before.get(core, {}).get(what)
            yield core, what, row, row["instructions"] / old["instructions"] - 1 if old else None


def report(now: Results, before: Results) -> None:
    table = Table("core", "kernel or network", "instructions", "a MAC", "change", title="make bench")
    with RESULT.with_suffix(".csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("core", "what", "instructions", "per_mac", "change"))
        for core, what, row, change in changes(now, before):
            rows.writerow((core, what, row["instructions"], row["per_mac"], "" if change is None else round(change, 4)))
            table.add_row(
                core, what, f"{row['instructions']:,}", f"{row['per_mac']:.2f}", "" if change is None else f"{change:+.1%}"
            )
    Console(width=100).print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", action="append", choices=[*CORES, "host"], help="only these (default: all that are there)")
    parser.add_argument("--only", action="append", help="only kernels and networks whose names have this")
    arguments, flags = parser.parse_known_args()

    def only(name: str) -> bool:
        return not arguments.only or any(part in name for part in arguments.only)

    now: Results = {}
    for core in arguments.core or [*CORES, "host"]:
        lacking = missing("valgrind") if core == "host" else missing(*CORES[core].tools)
        if lacking and arguments.core:
            print(f"bench: error: {lacking}", file=sys.stderr)
            return 2
        if lacking:
            print(f"bench: {core} is left out: {lacking}", file=sys.stderr)
        else:
            now[core] = measure_host(only) if core == "host" else measure(core, flags or ["-O2"], only)
    before = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    report(now, before)
    merged = {core: {**before.get(core, {}), **now.get(core, {})} for core in {**before, **now}}
    RESULT.write_text(json.dumps(merged, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
