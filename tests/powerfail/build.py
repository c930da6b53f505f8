"""Compiles the campaign: native/powerfail with the core, and with each of the broken cores."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from mutants import Mutant

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "native" / "src"
CAMPAIGN = ROOT / "native" / "powerfail"
INCLUDES = ["-I", str(ROOT / "native" / "include"), "-I", str(CORE)]


def _compile(source: Path, target: Path, *flags: str) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O3", "-g", *flags, *INCLUDES, "-c", str(source), "-o", str(target)], check=True)
    return target


def _link(objects: Iterable[Path], program: Path) -> Path:
    subprocess.run(["gcc", *map(str, objects), "-o", str(program)], check=True)
    return program


class Build:
    """Object files of the core and the campaign in `folder`, and programs linked from them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        sources = sorted(CORE.rglob("*.c"))
        self._core = {
            str(path.relative_to(CORE)): _compile(path, folder / "core" / f"{path.stem}.o", "-std=c99") for path in sources
        }
        warnings = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]
        self._campaign = [
            _compile(path, folder / "campaign" / f"{path.stem}.o", "-std=gnu11", *warnings)
            for path in sorted(CAMPAIGN.glob("*.c"))
        ]

    def program(self) -> Path:
        """The campaign on the core as it is."""
        return _link([*self._core.values(), *self._campaign], self.folder / "powerfail")

    def mutant(self, mutant: Mutant) -> Path:
        """The campaign on a broken core. ValueError where the text to replace is not there exactly once."""
        folder = self.folder / "mutants" / mutant.name
        objects = dict(self._core)
        texts: dict[str, str] = {}
        for edit in mutant.edits:
            texts[edit.file] = edit.apply(texts.get(edit.file, (CORE / edit.file).read_text()))
        for file, text in texts.items():
            source = folder / file
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(text)
            objects[file] = _compile(source, source.with_suffix(".o"), "-std=c99")
        return _link([*objects.values(), *self._campaign], folder / "powerfail")
