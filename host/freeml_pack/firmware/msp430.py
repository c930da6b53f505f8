"""Firmware for an MSP430FR5994 from a blob: start-up code, C core, blob and room for NVM in one ELF file.

Needs a compiler (toolchain.py).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from math import ceil, prod, sqrt
from operator import or_
from pathlib import Path
from zlib import crc32

from freeml_pack.encodings import list_channels
from freeml_pack.engine import Engine, EngineError
from freeml_pack.errors import PackError
from freeml_pack.firmware.native import NATIVE
from freeml_pack.firmware.toolchain import Toolchain, found
from freeml_pack.graph import Encoding
from freeml_pack.inspection.network import NetworkOp, read_network
from freeml_pack.inspection.weights import entries
from freeml_pack.targets import Energy, Target, load_target

NAME = "msp430fr5994"
CORE = NATIVE / "src"
PORT = NATIVE / "ports" / NAME
FAR = range(0x10000, 0x44000)  # FRAM above 64 KB, which only far_copy reaches
PAIR_TAPS = int(re.findall(r"#define DOT_PAIR_TAPS (\d+)", (PORT / "dot.h").read_text())[0])
MESSAGE_SECONDS = 64 * 10 / 115_200  # an answer on its way out of the UART
TOLERANCE_MILLIVOLTS = 30  # of ADC and reference
CHANNEL = 8  # bytes of a channel's constants in scratch
OPENED_HEADER = 6  # bytes of a channel whose list is opened (opened.h)
BLOCKS_SPARE = 16  # bytes beside the values of one list's taps (blocks.h)
SRAM, SRAM_BESIDE_LEA = 0x2000, 0x1000  # bytes: sram.ld, lea/sram.ld
TAKEN = 1024 + 1500  # of them: stack; inner loops of dense layers, variables
# Bytes of SRAM that inner loops and tables of an encoding take, at most; blocks_4 and its operands (blocks.S) come on top.
LOOPS = {
    Encoding.DENSE_4: 850,
    Encoding.SPARSE_8: 600,
    Encoding.SPARSE_4: 700,
    Encoding.BLOCK_SPARSE_8: 650,
    Encoding.BLOCK_SPARSE_4: 1200,
}
CODE_OPERANDS = 1600
# Files of kernels by the operators that they run; what the rest of the core calls of them.
KERNELS = {
    ("DEPTHWISE_CONV_2D",): "depthwise_conv_2d",
    ("MAX_POOL_2D", "AVERAGE_POOL_2D"): "pool",
    ("ADD", "MULTIPLY"): "elementwise",
}
FUNCTIONS = {
    "depthwise_conv_2d": ("fml_kernel_depthwise_conv_2d", "fml_kernel_depthwise_conv_2d_scratch"),
    "pool": ("fml_kernel_pool",),
    "elementwise": ("fml_kernel_elementwise",),
    "blocks": ("blocks_4", "blocks_8", "blocks_open"),
    "opened": ("opened_next", "opened_pairs"),
}
# Files of the port that only these encodings want. Without LTO the linker would not know.
OF_ENCODINGS = {
    "blocks": {Encoding.BLOCK_SPARSE_8, Encoding.BLOCK_SPARSE_4},
    "opened": {Encoding.SPARSE_8, Encoding.SPARSE_4, Encoding.BLOCK_SPARSE_8, Encoding.BLOCK_SPARSE_4},
}
PER_MODEL = ("main.c", "image.S")
PACKED, VERIFIED = "packed.c", "verified.c"  # one of them, too
LEA = PORT / "lea"  # with its kernel, which calls the CPU's by these names
CPU_KERNEL = [f"-Dfml_kernel_conv_2d{suffix}=cpu_conv_2d{suffix}" for suffix in ("", "_scratch")]
RUNTIME = "runtime.S"  # for compilers whose own library is not used
INCLUDE = [NATIVE / "include", CORE, PORT, LEA]
C_FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
C_FLAGS += ["-DFML_WITHOUT_BUS_NVM", "-include", str(PORT / "options.h")]
# Functions that simulations look for: they are called and not inlined.
LANDMARKS = ("fml_interp_step", "fml_session_start", "fml_session_output", "fml_journal_write")


def left_out(ops: tuple[NetworkOp, ...]) -> set[str]:
    """Names, without .c and .S, of files that none of these operators uses."""
    kernels = {name for kinds, name in KERNELS.items() if not any(op.kind in kinds for op in ops)}
    return kernels | {name for name, which in OF_ENCODINGS.items() if not any(op.encoding in which for op in ops)}


def _entries(names: set[str]) -> list[str]:
    """Linker flags that give the functions of these files an address where the device switches itself off."""
    return [f"--defsym={function}=left_out" for name in sorted(names) for function in FUNCTIONS.get(name, ())]


@dataclass(frozen=True)
class Common:
    """What is the same for every model, compiled: the port, and the core but for the files that the port replaces by one of the
    same name. lea: convolutions are on the Low-Energy Accelerator (README.md of the port)."""

    toolchain: Toolchain
    objects: list[Path]
    lea: bool


def _compile(toolchain: Toolchain, source: Path, folder: Path, *flags: str) -> Path:
    language = C_FLAGS if source.suffix == ".c" else []
    return toolchain.compile(source, folder, INCLUDE, *language, *flags)


def compile_common(folder: Path, *, lea: bool = False, toolchain: Toolchain | None = None) -> Common:
    """Into object files in `folder`. toolchain: default the one that is found. PackError where there is none."""
    toolchain = toolchain or found()
    conv = PORT / "conv_2d.c"
    apart = {*PER_MODEL, PACKED, VERIFIED} if toolchain.own_runtime else {*PER_MODEL, PACKED, VERIFIED, RUNTIME}
    port = [path for path in sorted(PORT.glob("*.[cS]")) if path.name not in apart]
    replaced = {path.stem for path in port}
    core = [path for path in sorted(CORE.rglob("*.c")) if path.stem not in replaced]
    accelerator = sorted(LEA.glob("*.[cS]")) if lea else []
    objects = [_compile(toolchain, path, folder) for path in (*port, *core, *accelerator) if path != conv]
    return Common(toolchain, [*objects, _compile(toolchain, conv, folder, *(CPU_KERNEL if lea else []))], lea)


def _taps(op: NetworkOp) -> int:
    """Weights of an output channel of a CONV_2D; 0 for other kinds."""
    if op.kind != "CONV_2D" or op.window is None:
        return 0
    begin, end = op.window.channels
    return prod(op.window.kernel) * (end - begin) // op.window.groups


def _pairs(op: NetworkOp) -> int:
    """Bytes of scratch that the port's CONV_2D (conv_2d.c, dot.h) wants for pairs of values."""
    in_pairs = op.window is not None and prod(op.plan.tile[:2]) * prod(op.window.pool) > 1
    alone = op.sums_in or op.sums_out or op.encoding == Encoding.OFFSET_8
    return 4 * _taps(op) if in_pairs and not alone and _taps(op) <= PAIR_TAPS else 0


def _lists(blob: bytes) -> int:
    """Bytes that the port's opened lists take: one step's for pairs of pixels (opened.c), or the values of one list's taps
    (blocks.h)."""
    most = 0
    for op, blocks in zip(read_network(blob).ops, entries(blob), strict=True):
        each = list_channels(op.encoding)
        for counts in blocks:
            if _pairs(op):
                most = max(most, 2 + int((counts * (2 + each) + each * OPENED_HEADER).sum()))
            if op.encoding == Encoding.BLOCK_SPARSE_8:
                most = max(most, int(counts.max()) + BLOCKS_SPARE)
    return most + most % 2


def _spare(blob: bytes, scratch: int, links_all: bool, lea: bool) -> dict[str, int | str]:
    """What becomes of the SRAM that nothing else needs."""
    ops = read_network(blob).ops
    linked = set(LOOPS) if links_all else set(LOOPS) & {op.encoding for op in ops}
    spare = (SRAM_BESIDE_LEA if lea else SRAM) - TAKEN - scratch - sum(LOOPS[encoding] for encoding in linked)
    wanted = any(op.encoding == Encoding.BLOCK_SPARSE_4 and prod(op.plan.tile[:2]) == 1 for op in ops)
    has_operands = wanted and spare >= CODE_OPERANDS
    left = spare - CODE_OPERANDS * has_operands
    return {"HAS_CODE_OPERANDS": int(has_operands), "LISTS_BYTES": min(_lists(blob), max(left, 2) & ~1)}


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


def _mask(ops: Iterable[NetworkOp]) -> int:
    """Bit e: one of these operators has encoding e."""
    return reduce(or_, (1 << op.encoding for op in ops), 0)


def opened(engine: Engine, is_far: bool) -> dict[str, int | str]:
    """What packed.c wants to know of a blob that the core has opened here."""
    model, blob = engine.model, engine.blob
    vectors = ", ".join(f"{{{vector.at}, {vector.count}, {vector.size}}}" for vector in model.vectors)
    near = blob[: model.metadata_size] if is_far else b""
    return {
        "MODEL_ID": f"UINT32_C({model.model_id})",
        "ARENA_BYTES": model.arena_size,
        "OP_COUNT": model.op_count,
        "OUTPUT": model.output,
        "OUTPUT_LENGTH": model.output_length,
        "SAMPLE_TYPE": model.sample_type,
        "OUTPUT_TRANSFORM": model.output_transform,
        "METADATA_BYTES": model.metadata_size,
        "SAMPLE_OFFSET": model.sample_offset,
        "VECTORS": f"{{{vectors}}}",
        "BLOB_CRC32": f"UINT32_C({crc32(near + blob) | 1})",
    }


def defines(
    blob: bytes, is_far: bool, target: Target | None = None, *, links_all: bool = False, lea: bool = False
) -> dict[str, int | str]:
    """Sizes and places that the port wants to know. target: whose capacitor it is, default the port's own; links_all: loops of
    encodings that the blob does not use, too; lea: as of Common. EngineError where the blob is none."""
    engine = Engine(blob, streamed=is_far)
    network = read_network(blob)
    scratch = max(_scratch(blob, engine, is_far), 64)  # fml_model_open wants some, too
    return (
        opened(engine, is_far)
        | _spare(blob, scratch, links_all, lea)
        | {
            "HAS_EXITS": int(len(network.exits) > 0),
            "ENCODINGS": _mask(network.ops),
            "ENCODINGS_OF_PAIRS": _mask(op for op in network.ops if _pairs(op) > 0),
            "HAS_SUMS": int(any(op.sums_in or op.sums_out for op in network.ops)),
            "LOW_MILLIVOLTS": low_millivolts(network.ops, target or load_target(NAME)),
            "IS_FAR": int(is_far),
            "FAR_BLOB": FAR.start,
            "BLOB_BYTES": len(blob),
            "SAMPLE_BYTES": engine.sample_size,
            "NVM_BYTES": engine.nvm_size,
            "SCRATCH_BYTES": scratch,
        }
    )


def link(
    blob: bytes, common: Common, output: Path, is_far: bool, target: Target | None = None, *, verifies: bool = False
) -> str:
    """Links firmware with the whole blob below or above 64 KB. verifies: as `build`. Returns what the linker complains of;
    empty: nothing."""
    metadata = Engine(blob).model.metadata_size
    links_all = not common.toolchain.own_runtime  # GCC's firmware is made without LTO
    values = defines(blob, is_far, target, links_all=links_all, lea=common.lea)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "near").write_bytes(blob[:metadata] if is_far else blob)
        (folder / "far").write_bytes(blob if is_far else b"")
        flags = [f"-D{name}={value}" for name, value in values.items()]
        flags += [f'-DNEAR_FILE="{folder}/near"', f'-DFAR_FILE="{folder}/far"']
        absent = left_out(read_network(blob).ops)
        objects = [
            *(path for path in common.objects if path.name.partition(".")[0] not in absent),
            *(
                _compile(common.toolchain, PORT / source, folder, *flags)
                for source in (*PER_MODEL, VERIFIED if verifies else PACKED)
            ),
        ]
        scripts = ["-L", str(LEA if common.lea else PORT), "-T", str(PORT / "fr5994.ld")]
        kept = [f"--undefined={name}" for name in LANDMARKS]
        return common.toolchain.link(objects, output, *kept, *_entries(absent), *scripts)


def build(blob: bytes, output: Path, common: Common, target: Target | None = None, *, verifies: bool = False) -> None:
    """Writes the firmware of a blob, which lies below 64 KB where it fits. target: as in `defines`; verifies: the device has
    the core's verifier, too (blob.h). PackError where it is no blob or does not fit."""
    try:
        needed = defines(blob, is_far=False, target=target)
    except EngineError as error:
        raise PackError(f"not a usable model: {error.text}; pack it again") from error
    if not link(blob, common, output, is_far=False, target=target, verifies=verifies):
        return
    if complaint := link(blob, common, output, is_far=True, target=target, verifies=verifies):
        raise PackError(
            f"the model does not fit the device: {len(blob)} bytes, {needed['NVM_BYTES']} of NVM and "
            f"{needed['SCRATCH_BYTES']} of scratch; pack a smaller one ({complaint.splitlines()[0]})"
        )
