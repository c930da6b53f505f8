"""The generated files are those of the schema, and the three readers of a layout agree."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from freeml_schema import journal, model

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "schema"))

import regenerate  # noqa: E402


def constants(header: str) -> dict[str, int]:
    text = (ROOT / "native" / "src" / header).read_text()
    return {name: int(value, 0) for name, value in re.findall(r"#define (\w+) (\w+)$", text, re.MULTILINE)}


def camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def test_fresh() -> None:
    if shutil.which("flatc") is None:
        print("flatc is missing: freeml_schema/model.py not compared")
    result = subprocess.run([sys.executable, "schema/regenerate.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_stale_header_is_noticed(tmp_path: Path) -> None:
    changed = regenerate.SCHEMA.read_text().replace("height:uint16;", "height:uint32;", 1)
    assert regenerate.model_header(regenerate.parse_fbs(changed)) != regenerate.MODEL_H.read_text()


@pytest.mark.parametrize("name", ["Tensor", "Op", "Window", "View", "Section"])
def test_struct_offsets_are_flatc_s(name: str) -> None:
    """Each field of a struct of numbered bytes reads the same through flatc's class and through our offsets."""
    size, offsets = regenerate.parse_fbs(regenerate.SCHEMA.read_text()).structs[name]
    reader = getattr(model, name)
    assert reader.SizeOf() == size
    data = bytes(range(1, size + 1))
    instance = reader()
    instance.Init(data, 0)
    for field, offset in offsets.items():
        value = getattr(instance, camel(field))()
        width = {float: 4}.get(type(value)) or next(w for w in (1, 2, 4) if value < 1 << (8 * w))
        code = "<f" if isinstance(value, float) else {1: "<B", 2: "<H", 4: "<I"}[width]
        assert struct.unpack_from(code, data, offset)[0] == value, field


def test_table_slots_are_flatc_s() -> None:
    generated = (ROOT / "schema" / "freeml_schema" / "model.py").read_text()
    slots = re.findall(r"def ModelAdd(\w+)\(.*?Slot\((\d+),", generated)
    ours = {
        camel(field): slot for slot, field in enumerate(regenerate.parse_fbs(regenerate.SCHEMA.read_text()).tables["Model"])
    }
    assert ours == {name: int(slot) for name, slot in slots}


def test_enums_are_flatc_s() -> None:
    for enum, values in regenerate.parse_fbs(regenerate.SCHEMA.read_text()).enums.items():
        assert values == {name: value for name, value in vars(getattr(model, enum)).items() if not name.startswith("_")}


def test_journal_offsets_are_construct_s() -> None:
    fields = {"phase": "DONE", "exit": 0, "model_id": 0x04030201, "sequence": 0x14131211, "tag": 0x24232221}
    fields |= {"op": 0x3231, "tile": 0x4241, "boots": 0x5251, "reserved": 0x6261}
    data = journal.Record.build({**fields, "crc32": 0x74737271})
    header = constants("journal_layout.h")
    assert len(data) == header["FML_RECORD_SIZE"]
    assert struct.unpack_from("<H", data, header["FML_RECORD_MAGIC_AT"])[0] == header["FML_RECORD_MAGIC_VALUE"]
    assert data[header["FML_RECORD_PHASE_AT"]] == 2
    wide, narrow = ("model_id", "sequence", "tag"), ("op", "tile", "boots", "reserved")
    for name, code in [*((name, "<I") for name in wide), *((name, "<H") for name in narrow)]:
        assert struct.unpack_from(code, data, header[f"FML_RECORD_{name.upper()}_AT"])[0] == fields[name]
    assert struct.unpack_from("<I", data, header["FML_RECORD_CRC32_AT"])[0] == 0x74737271
    assert header["FML_NVM_ARENA_OFFSET"] == journal.ARENA_OFFSET == header["FML_NVM_SLOT_COUNT"] * header["FML_NVM_SLOT_SIZE"]


def test_phases_are_freeml_h_s() -> None:
    header = (ROOT / "native" / "include" / "freeml.h").read_text()
    phases = {name: int(value) for name, value in re.findall(r"FML_PHASE_(\w+) = (\d)", header)}
    assert phases == {str(name): value for name, value in journal.Phase.encmapping.items()}
