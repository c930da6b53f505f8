"""The native module links for other processors, too, and carries no mutable state (which would fail silently on RISC-V)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import build_device
import get_micropython
import pytest

pytestmark = pytest.mark.xdist_group("device")


@pytest.mark.skipif(not shutil.which("arm-none-eabi-gcc"), reason="arm-none-eabi-gcc is not installed")
def test_links_for_cortex_m(micropython: get_micropython.MicroPython, tmp_path: Path) -> None:
    """armv6m: for the smallest; such a module runs on the larger ones, too."""
    module = build_device.build_native(micropython.source, "armv6m", tmp_path).read_bytes()
    assert module[:2] == b"M\x06"
    assert module[2] >> 2 == 4  # armv6m
    objects = sorted((tmp_path / "armv6m" / "objects").glob("*.o"))
    sizes = subprocess.run(["arm-none-eabi-size", *objects], capture_output=True, text=True, check=True).stdout
    bss = [int(line.split()[2]) for line in sizes.splitlines()[1:]]
    assert len(bss) > 10
    assert not any(bss)
