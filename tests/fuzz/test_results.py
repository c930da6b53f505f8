"""tools/fuzz.py: what it says of a run, and where it writes it."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGET = """
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > %d) {
        __builtin_trap();
    }
    return data != NULL && size > 0 && data[0] == 'x' ? 0 : -1;
}
"""


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = util.spec_from_file_location("fuzz_tool", ROOT / "tools" / "fuzz.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "OUT", tmp_path)
    return module


@pytest.mark.parametrize(("traps_above", "findings"), [(3, 1), (1_000_000, 0)])
def test_a_finding_is_counted(traps_above: int, findings: int, tool: ModuleType, tmp_path: Path) -> None:
    if shutil.which("clang") is None:
        pytest.skip("clang is missing")
    (tmp_path / "target.c").write_text(TARGET % traps_above)
    program = tmp_path / "program"
    command = ["clang", "-fsanitize=fuzzer", str(tmp_path / "target.c"), "-o", str(program)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("clang has no libFuzzer here")
    result = tool.fuzz(program, "journal", 1)
    assert result["findings"] == findings == len(list(tmp_path.glob("journal-*")))
    assert (result["seconds"], result["executions"] > 0) == (1, True)


def test_only_long_runs_go_to_the_documents(tool: ModuleType) -> None:
    assert tool.results_file(tool.LONG) == ROOT / "docs" / "results" / "fuzz.json"
    assert tool.results_file(tool.LONG - 1) == ROOT / "build" / "fuzz.json"


def test_figures_of_other_targets_stay(tool: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "new" / "fuzz.json"
    tool.write_results(file, {"blob": {"seconds": 1}, "journal": {"seconds": 2}})
    tool.write_results(file, {"journal": {"seconds": 3}})
    assert json.loads(file.read_text()) == {"blob": {"seconds": 1}, "journal": {"seconds": 3}}
