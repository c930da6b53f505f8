"""Code size of the C core on a Cortex-M3 at -Os, per source file, against the project's limits.

The limit is on what every program links. OPTIONAL files are measured, but not counted: a linker takes them in only where the
program uses them. Nor are the encodings of weights, which -DFML_WITHOUT_ENCODINGS leaves out: the core is measured without,
and what they add is a row of its own.

Prints a table, writes build/code_size.json ({file: {text, data, bss}, "total": ..., "encodings": ...} in bytes; text includes
constant data) and exits with 1 when the core is over TEXT_LIMIT or has any mutable data, with 2 when the compiler is missing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "native" / "src"
OUTPUT = ROOT / "build" / "code_size.json"
COMPILER = "arm-none-eabi-gcc"
SIZE = "arm-none-eabi-size"
FLAGS = ("-std=c99", "-Os", "-mcpu=cortex-m3", "-mthumb", "-ffreestanding")
TEXT_LIMIT = 10240  # bytes
OPTIONAL = {"status.c": "texts for people", "reopen.c": "for a blob and a model in mapped nonvolatile memory"}
ENCODINGS = ("encoding.c", "verify_encoding.c", "kernels/encoded.c", "kernels/dot_sparse.c", "kernels/dot_blocks.c")
NOTES = {**OPTIONAL, "encodings": "what the encodings of weights add"}
WITHOUT_ENCODINGS = "-DFML_WITHOUT_ENCODINGS"

Sizes = dict[str, int]


def measure(source: Path, directory: Path, *flags: str) -> Sizes:
    """Bytes of text (with read-only data), data and bss of one source file."""
    target = directory / "object.o"
    include = f"-I{ROOT / 'native' / 'include'}"
    subprocess.run([COMPILER, *FLAGS, *flags, include, "-c", str(source), "-o", str(target)], check=True)
    line = subprocess.run([SIZE, str(target)], check=True, capture_output=True, text=True).stdout.splitlines()[1]
    return dict(zip(("text", "data", "bss"), map(int, line.split()[:3]), strict=True))


def measure_all() -> dict[str, Sizes]:
    """Sizes per source file (path relative to native/src) without the encodings; under "total" the sum of those that count,
    under "encodings" what they add to it."""
    files = {str(path.relative_to(SOURCE)): path for path in sorted(SOURCE.rglob("*.c"))}
    with tempfile.TemporaryDirectory() as directory:
        sizes = {n: measure(p, Path(directory), WITHOUT_ENCODINGS) for n, p in files.items() if n not in ENCODINGS}
        whole = {n: measure(p, Path(directory)) for n, p in files.items()}
    total = _sum(size for name, size in sizes.items() if name not in OPTIONAL)
    everything = _sum(size for name, size in whole.items() if name not in OPTIONAL)
    return {**sizes, "total": total, "encodings": {kind: everything[kind] - total[kind] for kind in total}}


def _sum(sizes: Iterable[Sizes]) -> Sizes:
    parts = list(sizes)
    return {kind: sum(size[kind] for size in parts) for kind in ("text", "data", "bss")}


def main() -> int:
    if shutil.which(COMPILER) is None:
        print(f"{COMPILER} is missing; install Debian's gcc-arm-none-eabi.", file=sys.stderr)
        return 2
    sizes = measure_all()
    width = max(map(len, sizes))
    print(f"{'':{width}}  {'text':>6}{'data':>6}{'bss':>6}")
    for name, size in sizes.items():
        note = f"  optional, not counted: {NOTES[name]}" if name in NOTES else ""
        print(f"{name:{width}}  {size['text']:6}{size['data']:6}{size['bss']:6}{note}")
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(sizes, indent=2) + "\n")
    total = sizes["total"]
    mutable = sum(sizes[part][kind] for part in ("total", "encodings") for kind in ("data", "bss"))
    if total["text"] > TEXT_LIMIT or mutable > 0:
        print(
            f"over the limit: text {total['text']} of {TEXT_LIMIT} bytes, data + bss {mutable} of 0",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
