"""device/*.json, and that the reader of the metadata agrees with the schema."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import freeml_pack

ROOT = Path(__file__).resolve().parents[2]
DEVICE = ROOT / "device"


def test_package_jsons_list_the_package() -> None:
    """Each file is in one of them: package.json, or the one of a memory driver."""
    packages = [json.loads(path.read_text()) for path in DEVICE.glob("*.json")]
    names = [pair for package in packages for pair in package["urls"]]
    files = sorted(str(path.relative_to(DEVICE)) for path in (DEVICE / "freeml").rglob("*.py"))
    assert sorted(names) == [[name, name] for name in files]
    assert {package["version"] for package in packages} == {freeml_pack.__version__}


def test_drivers_are_packages_of_their_own() -> None:
    for path in DEVICE.glob("*.json"):
        if path.stem != "package":
            assert json.loads(path.read_text())["urls"] == [[f"freeml/nvm/{path.stem}.py"] * 2]


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
