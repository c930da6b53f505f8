"""A native module carries no mutable state, which would fail silently on RISC-V. (tests/boards runs it on all processors.)"""

from __future__ import annotations

import subprocess
from pathlib import Path

import build_device
import pytest


@pytest.mark.parametrize("variable", ["static int x;", "static int x = 3;", "int x;", "static int *x;"])
def test_variables_are_refused(variable: str, tmp_path: Path) -> None:
    (tmp_path / "bad.c").write_text(f"{variable}\nvoid *f(void) {{ x++; return &x; }}\n")
    subprocess.run(["gcc", "-fPIC", "-c", "bad.c", "-o", "bad.o"], cwd=tmp_path, check=True)
    with pytest.raises(build_device.BuildError, match=r"bad\.o has variables"):
        build_device.refuse_mutable_state(tmp_path / "bad.o")


def test_constants_are_not(tmp_path: Path) -> None:
    source = 'static const char *const t[] = {"a"}; int g(void); const char *f(void) { return t[g()]; }'
    (tmp_path / "good.c").write_text(source)
    subprocess.run(["gcc", "-fPIC", "-c", "good.c", "-o", "good.o"], cwd=tmp_path, check=True)
    build_device.refuse_mutable_state(tmp_path / "good.o")


def test_a_compiler_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(build_device.BuildError, match="arm-none-eabi-gcc, the compiler for armv6m, is missing"):
        build_device.build_native(tmp_path, "armv6m", tmp_path)
