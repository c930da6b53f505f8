"""Writes what is generated from the two byte formats; run it after every change of model.fbs or journal.py.

    python schema/regenerate.py           write freeml_schema/model.py and native/src/{model,journal}_layout.h
    python schema/regenerate.py --check   write nothing; exit 1 if a committed file is stale

Needs flatc for model.py; without it --check leaves that file out.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from construct import Const
from freeml_schema import journal

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "schema" / "model.fbs"
MODEL_PY = ROOT / "schema" / "freeml_schema" / "model.py"
MODEL_H = ROOT / "native" / "src" / "model_layout.h"
JOURNAL_H = ROOT / "native" / "src" / "journal_layout.h"

SCALARS = {"ubyte": 1, "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "uint32": 4, "int32": 4, "float32": 4}


@dataclass(frozen=True)
class Layout:
    """The part of a FlatBuffers schema that FreeML uses."""

    enums: dict[str, dict[str, int]]
    structs: dict[str, tuple[int, dict[str, int]]]  # size and field offsets, in bytes
    tables: dict[str, list[str]]  # fields in the order of their slots


def parse_fbs(text: str) -> Layout:
    """Layout of a schema of enums with a base type, structs of scalars, and tables without explicit ids."""
    text = re.sub(r"//.*", "", text)
    enums: dict[str, dict[str, int]] = {}
    structs: dict[str, tuple[int, dict[str, int]]] = {}
    tables: dict[str, list[str]] = {}
    widths = dict(SCALARS)
    for keyword, name, rest, body in re.findall(r"\b(enum|struct|table)\s+(\w+)([^{]*)\{([^}]*)\}", text):
        if keyword == "enum":
            enums[name] = _enum_values(body, bit_flags="bit_flags" in rest)
            widths[name] = SCALARS[re.findall(r"\w+", rest)[0]]
            continue
        fields = re.findall(r"(\w+)\s*:\s*(\[?\w+\]?)", body)
        if keyword == "struct":
            structs[name] = _struct_layout(fields, widths)
        else:
            tables[name] = [field for field, _ in fields]
    return Layout(enums, structs, tables)


def _enum_values(body: str, *, bit_flags: bool) -> dict[str, int]:
    values: dict[str, int] = {}
    following = 0
    for name, value in re.findall(r"(\w+)\s*(?:=\s*(\d+))?\s*(?:,|$)", body.strip()):
        following = int(value) if value else following
        values[name] = 1 << following if bit_flags else following
        following += 1
    return values


def _struct_layout(fields: list[tuple[str, str]], widths: dict[str, int]) -> tuple[int, dict[str, int]]:
    """FlatBuffers aligns each scalar to its size and the struct to its largest scalar."""
    offsets: dict[str, int] = {}
    position = 0
    for name, kind in fields:
        position = -(-position // widths[kind]) * widths[kind]
        offsets[name] = position
        position += widths[kind]
    alignment = max(widths[kind] for _, kind in fields)
    return -(-position // alignment) * alignment, offsets


def _constant(*words: str) -> str:
    """("Op", "tile_rows", "at") -> FML_OP_TILE_ROWS_AT"""
    return "_".join(["FML", *(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).upper() for word in words)])


def _header(source: str, guard: str, groups: list[list[tuple[str, str]]]) -> str:
    lines = [f"/* Generated from {source} by schema/regenerate.py: do not edit. */", f"#ifndef {guard}", f"#define {guard}"]
    for group in groups:
        lines += ["", *(f"#define {name} {value}" for name, value in group)]
    return "\n".join([*lines, "", "#endif", ""])


def model_header(layout: Layout) -> str:
    """Enum values, struct sizes, offsets of struct fields (_AT) and vtable slots of table fields (_SLOT)."""
    groups = [[(_constant(enum, name), str(value)) for name, value in values.items()] for enum, values in layout.enums.items()]
    for name, (size, offsets) in layout.structs.items():
        groups.append([(_constant(name, "size"), str(size))])
        groups[-1] += [(_constant(name, field, "at"), str(offset)) for field, offset in offsets.items()]
    for name, fields in layout.tables.items():
        groups.append([(_constant(name, field, "slot"), str(slot)) for slot, field in enumerate(fields)])
    return _header("schema/model.fbs", "FML_MODEL_LAYOUT_H", groups)


def journal_header() -> str:
    """Record size, magic, field offsets, slots and the arena's place in an NVM image."""
    record = [("FML_RECORD_SIZE", str(journal.Record.sizeof()))]
    position = 0
    for field in journal.Record.subcons:
        if isinstance(field.subcon, Const):
            record.append((_constant("record", field.name, "value"), f"0x{field.subcon.value:04x}"))
        record.append((_constant("record", field.name, "at"), str(position)))
        position += field.sizeof()
    places = ("SLOT_COUNT", "SLOT_SIZE", "ARENA_OFFSET")
    image = [(_constant("nvm", place), str(getattr(journal, place))) for place in places]
    return _header("schema/freeml_schema/journal.py", "FML_JOURNAL_LAYOUT_H", [record, image])


def model_python() -> str | None:
    """flatc's reader and writer of the schema as one module; None without flatc."""
    if shutil.which("flatc") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["flatc", "--python", "--gen-onefile", "-o", folder, str(SCHEMA)], check=True)
        code = (Path(folder) / "model_generated.py").read_text()
    body = code.partition("# namespace: freeml\n")[2]
    return f"# Generated from schema/model.fbs by schema/regenerate.py (flatc): do not edit.\n{body}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the files generated from the byte formats.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    check = parser.parse_args().check
    python = model_python()
    if python is None and not check:
        print("flatc is missing: install Debian's flatbuffers-compiler", file=sys.stderr)
        return 1
    wanted = {MODEL_H: model_header(parse_fbs(SCHEMA.read_text())), JOURNAL_H: journal_header()}
    if python is not None:
        wanted[MODEL_PY] = python
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(ROOT)} is stale: run python schema/regenerate.py", file=sys.stderr)
        else:
            path.write_text(wanted[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
