"""Where the C sources are that firmware is compiled from."""

from __future__ import annotations

from pathlib import Path

_INSTALLED = Path(__file__).resolve().parents[1] / "native"  # setup.py copies them there
NATIVE = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).resolve().parents[3] / "native"
