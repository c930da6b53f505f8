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
from freeml_pack.inspection.network import Network, NetworkOp, read_network
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
ENCODINGS = {"encoding", "encoded", "encoded_pairs", "encoded_windows", "verify_encoding", "dot_sparse", "dot_blocks"}
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
C_FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-DFML_WITHOUT_BUS_NVM"]
HOT = ("conv_2d.c", "conv_2d_lea.c")  # what runs for each pixel: for speed, all else for size
LEAN = "lean"  # folder of what is compiled for blobs that use none of the optional features
LEAN_FLAGS = ("-DFML_WITHOUT_ENCODINGS", "-DFML_WITHOUT_EXITS")


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
    includes = ["-I", str(NATIVE / "include"), "-I", str(CORE), "-I", str(PORT), "-I", str(LEA)]
    subprocess.run([compiler, *FLAGS, *language, *flags, *includes, "-c", str(source), "-o", str(target)], check=True)
    return target


def left_out(ops: tuple[NetworkOp, ...]) -> set[str]:
    """Names, without .c, of the core's files that none of these operators uses."""
    names = {name for kinds, name in KERNELS.items() if not any(op.kind in kinds for op in ops)}
    return names | (ENCODINGS if all(op.encoding == Encoding.DENSE_8 for op in ops) else set())


def _entries(names: set[str]) -> list[str]:
    """Linker flags that give the functions of these files an address where the device switches itself off."""
    return [f"--defsym={function}=left_out" for name in sorted(names) for function in FUNCTIONS.get(name, ())]


def compile_common(folder: Path, *, lea: bool = False) -> list[Path]:
    """Object files, in `folder`, of what is the same for every model: the port, and the core but for the files that the port
    replaces by one of the same name. What knows of optional features is there twice, with and without them. lea: convolutions
    on the Low-Energy Accelerator (README.md of the port)."""
    conv = PORT / "conv_2d.c"
    port = [path for path in sorted(PORT.glob("*.[cS]")) if path.name not in PER_MODEL]
    replaced = {path.stem for path in port}
    core = [path for path in sorted(CORE.rglob("*.c")) if path.stem not in replaced]
    lean = folder / LEAN
    lean.mkdir(exist_ok=True)
    names = CPU_KERNEL if lea else []
    objects = [_compile(path, folder) for path in (*port, *core) if path != conv]
    objects += [_compile(path, lean, *LEAN_FLAGS) for path in core]
    objects += [_compile(conv, folder, *names), _compile(conv, lean, *LEAN_FLAGS, *names)]
    return objects + ([_compile(path, folder) for path in sorted(LEA.glob("*.[cS]"))] if lea else [])


def _suited(common: list[Path], network: Network) -> list[Path]:
    """The object files for a network: of those that are there twice, one."""
    is_lean = not network.exits and all(op.encoding == Encoding.DENSE_8 for op in network.ops)
    twice = {path.name for path in common if path.parent.name == LEAN}
    return [path for path in common if (path.parent.name == LEAN) == (is_lean and path.name in twice)]


def _taps(op: NetworkOp) -> int:
    """Weights of an output channel of a CONV_2D; 0 for other kinds."""
    if op.kind != "CONV_2D" or op.window is None:
        return 0
    begin, end = op.window.channels
    return prod(op.window.kernel) * (end - begin) // op.window.groups


def _pairs(op: NetworkOp) -> int:
    """Bytes of scratch that the port's CONV_2D (conv_2d.c, dot.h) wants for pairs of values."""
    in_pairs = op.window is not None and prod(op.plan.tile[:2]) * prod(op.window.pool) > 1
    return 4 * _taps(op) if in_pairs and op.encoding == Encoding.DENSE_8 and _taps(op) <= PAIR_TAPS else 0


def _scratch(blob: bytes, engine: Engine, is_far: bool) -> int:
    """Bytes of scratch that are surely enough: what the core wants, but for CONV_2D, of which the port gathers one window."""
    ops = read_network(blob).ops
    if is_far:
        return engine.scratch_of_one_window + max(map(_pairs, ops))
    most = engine.scratch_of_one_window if any(op.kind == "DEPTHWISE_CONV_2D" for op in ops) else 0
    for op in ops:
        if (taps := _taps(op)) > 0:
            most = max(most, (_pairs(op) or taps) + CHANNEL * -(-min(op.plan.tile[2], op.space[2]) // 4) * 4)
    return most


def low_millivolts(ops: tuple[NetworkOp, ...], target: Target) -> int:
    """The supply below which an early exit is to answer: what is left then suffices for the dearest step, the commit and the
    message. 0 where the target's power does not fail because a charge ends."""
    prices, watts = target.prices, target.active_watts
    if not isinstance(prices, Energy) or watts is None:
        return 0
    factors = [target.encoded_mac.of(op.encoding) for op in ops]
    tiles = [prod(map(min, op.plan.tile, op.space)) for op in ops]
    step = prices.step + max(
        tile * (prices.mac * factor * op.element_macs + prices.element)
        for op, factor, tile in zip(ops, factors, tiles, strict=True)
    )
    reserve = (step + prices.commit + watts * MESSAGE_SECONDS) / (1 - prices.margin)
    return ceil(1000 * sqrt(prices.volts_off**2 + 2 * reserve / prices.capacitance)) + TOLERANCE_MILLIVOLTS


def defines(blob: bytes, is_far: bool, target: Target | None = None) -> dict[str, int]:
    """Sizes and places that the port wants to know. target: whose capacitor it is, default the port's own. EngineError where
    the blob is none."""
    engine = Engine(blob, streamed=is_far)
    network = read_network(blob)
    return {
        "HAS_EXITS": int(len(network.exits) > 0),
        "LOW_MILLIVOLTS": low_millivolts(network.ops, target or load_target(NAME)),
        "IS_FAR": int(is_far),
        "FAR_BLOB": FAR.start,
        "BLOB_BYTES": len(blob),
        "SAMPLE_BYTES": engine.sample_size,
        "NVM_BYTES": engine.nvm_size,
        "SCRATCH_BYTES": max(_scratch(blob, engine, is_far), 64),  # fml_model_open wants some, too
    }


def link(blob: bytes, common: list[Path], output: Path, is_far: bool, target: Target | None = None) -> str:
    """Links firmware with the whole blob below or above 64 KB. Returns what the linker complains of; empty: nothing."""
    metadata = Engine(blob).model.metadata_size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "near").write_bytes(blob[:metadata] if is_far else blob)
        (folder / "far").write_bytes(blob if is_far else b"")
        flags = [f"-D{name}={value}" for name, value in defines(blob, is_far, target).items()]
        flags += [f'-DNEAR_FILE="{folder}/near"', f'-DFAR_FILE="{folder}/far"']
        network = read_network(blob)
        absent = left_out(network.ops)
        objects = [
            *(path for path in _suited(common, network) if path.name.partition(".")[0] not in absent),
            *(_compile(PORT / source, folder, *flags) for source in PER_MODEL),
        ]
        command = [
            tools()[1],
            "-N",
            "--gc-sections",
            *_entries(absent),
            "-L",
            str(LEA if any(path.name == "lea.c.o" for path in common) else PORT),
            "-T",
            str(PORT / "fr5994.ld"),
            "-o",
            str(output),
            *map(str, objects),
        ]
        return subprocess.run(command, capture_output=True, text=True).stderr


def build(
    blob: bytes, output: Path, common: list[Path] | None = None, target: Target | None = None, *, lea: bool = False
) -> None:
    """Writes the firmware of a blob, which lies below 64 KB where it fits. common: of compile_common, else lea is as there;
    target: as in `defines`. PackError where it is no blob or does not fit."""
    try:
        needed = defines(blob, is_far=False, target=target)
    except EngineError as error:
        raise PackError(f"not a usable model: {error.text}; pack it again") from error
    with tempfile.TemporaryDirectory() as folder:
        objects = common or compile_common(Path(folder), lea=lea)
        if not link(blob, objects, output, is_far=False, target=target):
            return
        complaint = link(blob, objects, output, is_far=True, target=target)
    if complaint:
        raise PackError(
            f"the model does not fit the device: {len(blob)} bytes, {needed['NVM_BYTES']} of NVM and "
            f"{needed['SCRATCH_BYTES']} of scratch; pack a smaller one ({complaint.splitlines()[0]})"
        )
