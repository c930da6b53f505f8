"""Code size of the C core on a Cortex-M3 at -Os, per source file, against the project's limits.

The limit is on what every program links. OPTIONAL files are measured, but not counted: a linker takes them in only where the
program uses them. Nor are the FEATURES that a flag leaves out, encodings of weights and early exits: the core is measured
without, and what each adds to it is a row of its own.

Prints a table, writes build/code_size.json ({file: {text, data, bss}, "total": ..., "encodings": ..., "exits": ...} in bytes;
text includes constant data) and exits with 1 when the core is over TEXT_LIMIT or has any mutable data, with 2 when the compiler
is missing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "native" / "src"
OUTPUT = ROOT / "build" / "code_size.json"
COMPILER = "arm-none-eabi-gcc"
SIZE = "arm-none-eabi-size"
FLAGS = ("-std=c99", "-Os", "-mcpu=cortex-m3", "-mthumb", "-ffreestanding")
TEXT_LIMIT = 10240  # bytes
OPTIONAL = {"status.c": "texts for people", "reopen.c": "for a blob and a model in mapped nonvolatile memory"}
FEATURES = {
    "encodings": (
        *("encoding.c", "verify_encoding.c", "kernels/encoded.c", "kernels/encoded_pairs.c"),
        *("kernels/encoded_windows.c", "kernels/dot_sparse.c", "kernels/dot_blocks.c", "kernels/dot_offset.c"),
    ),
    "exits": ("exits.c", "verify_exits.c"),
}
NOTES = {**OPTIONAL, "encodings": "what the encodings of weights add", "exits": "what early exits add"}

Sizes = dict[str, int]


def measure(source: Path, directory: Path, *flags: str) -> Sizes:
    """Bytes of text (with read-only data), data and bss of one source file."""
    target = directory / "object.o"
    include = f"-I{ROOT / 'native' / 'include'}"
    subprocess.run([COMPILER, *FLAGS, *flags, include, "-c", str(source), "-o", str(target)], check=True)
    line = subprocess.run([SIZE, str(target)], check=True, capture_output=True, text=True).stdout.splitlines()[1]
    return dict(zip(("text", "data", "bss"), map(int, line.split()[:3]), strict=True))


def measure_all() -> dict[str, Sizes]:
    """Sizes per source file (path relative to native/src) without the features; under "total" the sum of those that count,
    under each feature's name what it adds to that."""
    with tempfile.TemporaryDirectory() as directory:
        sizes = _core_with((), Path(directory))
        total = _total(sizes)
        added = {name: _total(_core_with((name,), Path(directory))) for name in FEATURES}
    return {
        **sizes,
        "total": total,
        **{name: {kind: size[kind] - total[kind] for kind in size} for name, size in added.items()},
    }


def _core_with(features: Sequence[str], directory: Path) -> dict[str, Sizes]:
    """Sizes of the source files of a core with these of the FEATURES."""
    left_out = [name for name in FEATURES if name not in features]
    flags = [f"-DFML_WITHOUT_{name.upper()}" for name in left_out]
    unused = {file for name in left_out for file in FEATURES[name]}
    files = {str(path.relative_to(SOURCE)): path for path in sorted(SOURCE.rglob("*.c"))}
    return {name: measure(path, directory, *flags) for name, path in files.items() if name not in unused}


def _total(sizes: dict[str, Sizes]) -> Sizes:
    return _sum(size for name, size in sizes.items() if name not in OPTIONAL)


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
    mutable = sum(sizes[part][kind] for part in ("total", *FEATURES) for kind in ("data", "bss"))
    if total["text"] > TEXT_LIMIT or mutable > 0:
        print(
            f"over the limit: text {total['text']} of {TEXT_LIMIT} bytes, data + bss {mutable} of 0",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
