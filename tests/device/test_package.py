"""device/package.json, and that the reader of the metadata agrees with the schema."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import freeml_pack

ROOT = Path(__file__).resolve().parents[2]
DEVICE = ROOT / "device"


def test_package_json_lists_the_package() -> None:
    package = json.loads((DEVICE / "package.json").read_text())
    files = sorted(f"freeml/{path.name}" for path in (DEVICE / "freeml").glob("*.py"))
    assert package["urls"] == [[name, name] for name in files]
    assert package["version"] == freeml_pack.__version__


def load_reader() -> ModuleType:
    spec = importlib.util.spec_from_file_location("device_blob", DEVICE / "freeml" / "_blob.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_field_numbers_are_the_schemas() -> None:
    schema = re.sub(r"//.*", "", (ROOT / "schema" / "model.fbs").read_text())
    table = re.search(r"table Model \{(.*?)\}", schema, re.DOTALL)
    assert table
    fields = re.findall(r"(\w+):", table[1])
    reader = load_reader()
    for name in ("tensors", "sample_shape", "input_scale", "input_offset", "input_repeat"):
        assert getattr(reader, f"_{name.upper()}") == fields.index(name)


def test_the_readme_shows_the_program_that_is_tested() -> None:
    program = (DEVICE / "examples" / "main.py").read_text()
    assert f"```python\n{program}```" in (ROOT / "README.md").read_text()
