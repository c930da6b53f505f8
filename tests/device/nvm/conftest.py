"""Makes the drivers importable on this computer: the package freeml without what needs the native module."""

from __future__ import annotations

import sys
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent

if "freeml" not in sys.modules:
    package = types.ModuleType("freeml")
    package.__path__ = [str(HERE.parents[2] / "device" / "freeml")]
    sys.modules["freeml"] = package
sys.path.insert(0, str(HERE))
