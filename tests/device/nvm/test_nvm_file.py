"""A file as memory: on a real littlefs in the real MicroPython, and on this computer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from freeml.nvm import FileNVM

HERE = Path(__file__).resolve().parent

SCRIPT = """
from contract import check_all_cuts
from littlefs import LITTLEFS
print(check_all_cuts(LITTLEFS, 3, 20))
"""


def test_littlefs(device) -> None:  # type: ignore[no-untyped-def]
    for file in ("contract.py", "media.py", "littlefs.py"):
        shutil.copy(HERE / file, device.folder)
    shutil.copytree(HERE / "chips", device.folder / "chips", ignore=shutil.ignore_patterns("__pycache__"))
    assert int(device.output(SCRIPT).splitlines()[-1]) > 100


def test_keeps_what_is_there(tmp_path: Path) -> None:
    nvm = FileNVM(str(tmp_path / "state"), 100)
    nvm.write(40, b"kept")
    nvm.sync()
    seen = bytearray(6)
    FileNVM(str(tmp_path / "state"), 100).readinto(39, seen)
    assert seen == b"\0kept\0"
    assert len(FileNVM(str(tmp_path / "state"), 200)) == 200 == (tmp_path / "state").stat().st_size


def test_a_file_that_cannot_be_opened_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        FileNVM(str(tmp_path), 100)


def test_file_that_shrinks(tmp_path: Path) -> None:
    nvm = FileNVM(str(tmp_path / "state"), 100)
    (tmp_path / "state").write_bytes(b"")
    with pytest.raises(OSError, match="shorter"):
        nvm.readinto(0, bytearray(10))
