#!/usr/bin/env python3
"""Instructions of the C core for each multiply-accumulate with a kept weight, in every encoding of weights.

usage: kernel_cost.py [--core NAME] [--density D] [--module | FLAG...]

By default on a Cortex-M3, with 20% kept, compiled with -Os, or as the native modules for MicroPython are. Whole operators are
counted, as by instructions.py: all that their steps take (gathering windows, requantization) is divided by the products with
weights that are not zero. Instructions are not cycles. Prints a table and writes build/kernel_cost.json. Exit status 2 where
the compiler or QEMU is missing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

import graphs  # noqa: E402
import instructions  # noqa: E402
from freeml_pack.blob import write_blob  # noqa: E402
from freeml_pack.encodings import entry_counts, is_sparse, products  # noqa: E402
from freeml_pack.graph import Encoding, Graph, Window  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

OUTPUT = ROOT / "build" / "kernel_cost.json"
CORE = "cortex-m3"

# input (channels, height, width), output channels, kernel; as in the comparison of kernels that the design began with
SHAPES = {
    "conv 3x3": ((16, 14, 14), 32, 3),
    "3x3, 64 in": ((64, 8, 8), 32, 3),
    "conv 1x1": ((64, 8, 8), 64, 1),
    "linear": ((400, 1, 1), 120, 1),
}


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


def measure(core: str, flags: list[str], density: float) -> dict[str, dict[str, float]]:
    """Instructions for each kept multiply-accumulate: {shape: {encoding: number}}."""
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        program = instructions.build(core, flags, Path(folder))
        for shape in SHAPES:
            for encoding in Encoding:
                graph, kept = operator(shape, encoding, density)
                steps, _ = instructions.run(core, program, write_blob(graph, graphs.roomy_plan(graph)))
                results.setdefault(shape, {})[encoding.name] = round(steps[-1] / kept, 3)
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", default=CORE, choices=instructions.CORES, help="(default: %(default)s)")
    parser.add_argument("--density", type=float, default=0.2, help="share of the weights that sparse encodings keep")
    arguments, flags = parser.parse_known_args()
    if lacking := instructions.missing(*instructions.CORES[arguments.core].tools):
        print(f"kernel_cost: error: {lacking}", file=sys.stderr)
        return 2
    results = measure(arguments.core, flags or ["-Os"], arguments.density)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(
        json.dumps({"core": arguments.core, "density": arguments.density, "instructions": results}, indent=2) + "\n"
    )
    table = Table("encoding", *SHAPES, title=f"instructions of a {arguments.core} a kept MAC, density {arguments.density:.0%}")
    for encoding in Encoding:
        cells = [results[shape][encoding.name] for shape in SHAPES]
        dense = [results[shape]["DENSE_8"] for shape in SHAPES]
        table.add_row(encoding.name, *(f"{cell:.2f} ({cell / whole:.2f}x)" for cell, whole in zip(cells, dense, strict=True)))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
