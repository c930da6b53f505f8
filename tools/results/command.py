"""What the commands that measure networks have in common: their folders, and how they end."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from freeml_pack.errors import PackError

from results.datasets import ROOT
from results.train import say


def add_folders(parser: argparse.ArgumentParser) -> None:
    """--data, --work and --output."""
    add = parser.add_argument
    sources = os.environ.get("FREEML_DATA", ROOT.parent / "shared" / "data")
    add("--data", type=Path, default=sources, help="folder of the data sets (default: FREEML_DATA, else %(default)s)")
    add("--work", type=Path, default=ROOT / "build" / "results", help="what is kept (default: %(default)s)")
    add("--output", type=Path, default=ROOT / "docs" / "results", help="for the report (default: %(default)s)")


def ended(name: str, run: Callable[[], list[Path]]) -> int:
    """Exit status of a command: 0, 2 after one sentence where `run`, which returns the files that it wrote, cannot do it, 130
    where it was interrupted."""
    try:
        written = run()
    except FileNotFoundError as error:
        say(f"{name}: there is no {error.filename}; set FREEML_DATA, or give --data, to the folder of the data sets")
        return 2
    except PackError as error:
        say(f"{name}: {error}")
        return 2
    except KeyboardInterrupt:
        say(f"{name}: interrupted; run it again to go on")
        return 130
    print("wrote", *written)
    return 0
