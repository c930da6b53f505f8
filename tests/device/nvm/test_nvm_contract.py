"""Every memory keeps its promise at every power cut: here, and in the real MicroPython."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from contract import check_all_cuts
from media import MEDIA

HERE = Path(__file__).resolve().parent

ACTIONS = {name: 250 if name.startswith("flash") else 14 for name in MEDIA}  # the log turns round several times
STEP = {name: 1 if name == "flash, program units as pages" else 3 for name in MEDIA}

SCRIPT = """
from contract import check_all_cuts
from media import MEDIA
print(check_all_cuts(MEDIA["{name}"], 2, {actions}, {step}))
"""


@pytest.mark.parametrize("name", MEDIA)
def test_contract(name: str) -> None:
    assert check_all_cuts(MEDIA[name], 1, ACTIONS[name], STEP[name]) > 100


@pytest.mark.parametrize("name", MEDIA)
def test_contract_in_micropython(name: str, device) -> None:  # type: ignore[no-untyped-def]
    for file in ("contract.py", "media.py"):
        shutil.copy(HERE / file, device.folder)
    shutil.copytree(HERE / "chips", device.folder / "chips", ignore=shutil.ignore_patterns("__pycache__"))
    script = SCRIPT.format(name=name, actions=ACTIONS[name], step=7 * STEP[name])
    assert int(device.output(script)) > 20
