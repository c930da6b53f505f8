"""The layer rules of DESIGN.md: who may import or include whom."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "host" / "freeml_pack"
NATIVE = ROOT / "native" / "src"

# Host modules from the bottom up: each may import itself and what stands in lower rows, nothing beside or above it.
HOST_LAYERS: list[set[str]] = [
    {"errors", "graph", "units"},
    {"encodings"},
    {
        "activations",
        "windows",
        "samples",
        "scores",
        "op_names",
        "progress",
        "files",
        "command",
        "rewrite",
        "exit_head",
        "pack_params",
        "_engine",
    },
    {
        "frontend",
        "passes",
        "data",
        "evaluate",
        "calibrate",
        "quantize",
        "oracle",
        "targets",
        "plan",
        "budget",
        "encode",
        "blob",
        "engine",
    },
    {"build"},
    {"compress"},
    {"exits"},
    {"pipeline"},
    {"report", "inspection"},
    {"energy", "firmware"},
    {"cli", "deploy"},
]
# Within the row of stages, the few that build on another one.
STAGE_IMPORTS = {
    "calibrate": {"evaluate"},
    "quantize": {"calibrate"},
    "plan": {"targets"},
    "encode": {"targets"},
    "blob": {"plan"},
    "budget": {"plan", "targets"},
    "passes": set[str](),
}
TORCH_ALLOWED = {"frontend", "compress", "exits"}

# C files from the bottom up, likewise; "kernels" is the folder.
NATIVE_LAYERS: list[set[str]] = [
    {"freeml", "optional", "bytes", "intrinsics", "model_layout", "journal_layout"},
    {"status", "crc32"},
    {"quant", "op", "weights"},
    {"kernels", "model", "journal"},
    {"encoding"},
    {"verify", "interp"},
    {"verify_params", "verify_encoding", "verify_exits", "commit_rule"},
    {"open", "session"},
    {"reopen", "exits"},
]


def stage_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports_of(path: Path) -> set[str]:
    """Dotted names that a Python file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def host_files() -> list[Path]:
    return [p for p in PACKAGE.rglob("*.py") if p.name not in ("__init__.py", "__main__.py") or p.parent != PACKAGE]


def layer_of(name: str, layers: list[set[str]]) -> int:
    for index, layer in enumerate(layers):
        if name in layer:
            return index
    pytest.fail(f"{name} has no layer: add it to tests/house/test_layers.py and to DESIGN.md")


@pytest.mark.parametrize("path", host_files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_host_imports_point_down(path: Path) -> None:
    stage = stage_of(path)
    for name in imports_of(path):
        if not name.startswith("freeml_pack."):
            continue
        other = name.split(".")[1]
        if other in (stage, "__version__"):
            continue
        allowed = layer_of(other, HOST_LAYERS) < layer_of(stage, HOST_LAYERS) or other in STAGE_IMPORTS.get(stage, set())
        assert allowed, f"{path.relative_to(ROOT)} ({stage}) must not import {name}"


@pytest.mark.parametrize("path", host_files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_torch_stays_in_the_front_end(path: Path) -> None:
    if stage_of(path) not in TORCH_ALLOWED:
        assert not {n for n in imports_of(path) if n.split(".")[0] == "torch"}, f"{path.name} must not import torch"


def test_passes_do_not_import_each_other() -> None:
    for path in (PACKAGE / "passes").glob("*.py"):
        if path.name != "__init__.py":
            assert not {n for n in imports_of(path) if n.startswith("freeml_pack.passes")}, path.name


@pytest.mark.parametrize("path", sorted(NATIVE.rglob("*.[ch]")), ids=lambda p: str(p.relative_to(NATIVE)))
def test_native_includes_point_down(path: Path) -> None:
    def name_of(file: Path) -> str:
        return "kernels" if "kernels" in (file.parent.name, file.stem) else file.stem

    own = name_of(path)
    for include in re.findall(r'#include "([^"]+)"', path.read_text()):
        beside = path.parent / include
        other = name_of(beside if beside.exists() else Path(include))
        if other != own:
            assert layer_of(other, NATIVE_LAYERS) < layer_of(own, NATIVE_LAYERS), f"{path.name} must not include {include}"


@pytest.mark.parametrize("path", sorted(NATIVE.rglob("*.[ch]")), ids=lambda p: str(p.relative_to(NATIVE)))
def test_native_core_is_freestanding(path: Path) -> None:
    system = set(re.findall(r"#include <([^>]+)>", path.read_text()))
    assert system <= {"stdint.h", "stddef.h", "stdbool.h"}, f"{path.name} includes {system}"
