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
@pytest.mark.parametrize("arch", ["armv6m", "armv7m"])
def test_links_for_cortex_m(arch: str, micropython: get_micropython.MicroPython, tmp_path: Path) -> None:
    module = build_device.build_native(micropython.source, arch, tmp_path).read_bytes()
    assert module[:2] == b"M\x06"
    assert module[2] >> 2 == {"armv6m": 4, "armv7m": 5}[arch]
    objects = sorted((tmp_path / arch / "objects").glob("*.o"))
    sizes = subprocess.run(["arm-none-eabi-size", *objects], capture_output=True, text=True, check=True).stdout
    bss = [int(line.split()[2]) for line in sizes.splitlines()[1:]]
    assert len(bss) > 10
    assert not any(bss)
