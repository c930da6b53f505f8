"""Code size of the C core on a Cortex-M3 at -Os, per source file, against the project's limits.

The limit is on what every program links. OPTIONAL files are measured, but not counted: a linker takes them in only where the
program uses them.

Prints a table, writes build/code_size.json ({file: {text, data, bss}, "total": ...} in bytes; text includes constant data)
and exits with 1 when the core is over TEXT_LIMIT or has any mutable data, with 2 when the compiler is missing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "native" / "src"
OUTPUT = ROOT / "build" / "code_size.json"
COMPILER = "arm-none-eabi-gcc"
SIZE = "arm-none-eabi-size"
FLAGS = ("-std=c99", "-Os", "-mcpu=cortex-m3", "-mthumb", "-ffreestanding")
TEXT_LIMIT = 10240  # bytes
OPTIONAL = {"status.c": "texts for people", "reopen.c": "for a blob and a model in mapped nonvolatile memory"}

Sizes = dict[str, int]


def measure(source: Path, directory: Path) -> Sizes:
    """Bytes of text (with read-only data), data and bss of one source file."""
    target = directory / "object.o"
    subprocess.run([COMPILER, *FLAGS, f"-I{ROOT / 'native' / 'include'}", "-c", str(source), "-o", str(target)], check=True)
    line = subprocess.run([SIZE, str(target)], check=True, capture_output=True, text=True).stdout.splitlines()[1]
    return dict(zip(("text", "data", "bss"), map(int, line.split()[:3]), strict=True))


def measure_all() -> dict[str, Sizes]:
    """Sizes per source file (path relative to native/src), and under "total" the sum of those that are not OPTIONAL."""
    with tempfile.TemporaryDirectory() as directory:
        sizes = {str(p.relative_to(SOURCE)): measure(p, Path(directory)) for p in sorted(SOURCE.rglob("*.c"))}
    counted = [size for name, size in sizes.items() if name not in OPTIONAL]
    sizes["total"] = {kind: sum(size[kind] for size in counted) for kind in ("text", "data", "bss")}
    return sizes


def main() -> int:
    if shutil.which(COMPILER) is None:
        print(f"{COMPILER} is missing; install Debian's gcc-arm-none-eabi.", file=sys.stderr)
        return 2
    sizes = measure_all()
    width = max(map(len, sizes))
    print(f"{'':{width}}  {'text':>6}{'data':>6}{'bss':>6}")
    for name, size in sizes.items():
        note = f"  optional, not counted: {OPTIONAL[name]}" if name in OPTIONAL else ""
        print(f"{name:{width}}  {size['text']:6}{size['data']:6}{size['bss']:6}{note}")
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(sizes, indent=2) + "\n")
    total = sizes["total"]
    if total["text"] > TEXT_LIMIT or total["data"] + total["bss"] > 0:
        print(
            f"over the limit: text {total['text']} of {TEXT_LIMIT} bytes, data + bss {total['data'] + total['bss']} of 0",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
