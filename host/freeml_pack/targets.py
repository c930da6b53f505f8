"""What the packer knows about a device: `Target`, read from targets/*.toml."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from freeml_pack.errors import PackError

DEFAULT_TARGET = "generic"
_FOLDER = Path(__file__).with_name("targets")


@dataclass(frozen=True)
class Target:
    """Sizes in bytes, None: no limit known. Costs in multiply-accumulates (MACs)."""

    name: str
    description: str
    step_macs: int  # a step costs at most this, as far as an op can be cut
    interval_macs: int  # between two commits at most this
    nvm_mapped: bool  # the arena is used where it lies in NVM; else RAM holds it and NVM mirrors it
    stream_bytes: int  # buffer for the constants of one step; 0: the blob is memory-mapped and used where it lies
    flash_bytes: int | None = None  # room for the blob
    ram_bytes: int | None = None  # for the arena (unless nvm_mapped), scratch and streamed metadata
    nvm_bytes: int | None = None  # room for journal and arena
    clock_hz: int | None = None
    cycles_per_mac: float | None = None  # all overheads of a convolution included

    @property
    def blob_mapped(self) -> bool:
        return self.stream_bytes == 0

    def compute_seconds(self, macs: int) -> float | None:
        """Estimated time of `macs` multiply-accumulates on the device, None where its speed is not known."""
        if self.clock_hz is None or self.cycles_per_mac is None:
            return None
        return macs * self.cycles_per_mac / self.clock_hz


def target_names() -> list[str]:
    """Targets that come with the packer."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_target(name: str) -> Target:
    """A target by its name, or from a file of one's own whose name ends with .toml. PackError where there is none."""
    path = Path(name) if name.endswith(".toml") else _FOLDER / f"{name}.toml"
    if not name.endswith(".toml") and name not in target_names():
        known = ", ".join(target_names())
        raise PackError(f"no target is called {name!r}; choose one of {known}, or give a .toml file of your own")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise PackError(f"cannot read the target file {path}: {reason}; start from one in {_FOLDER}") from error
    except tomllib.TOMLDecodeError as error:
        raise PackError(f"the target file {path} is not valid TOML ({error}); correct it there") from error
    return _target(path, values)


_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "bool": (bool,), "int": (int,), "float": (int, float)}


def _target(path: Path, values: dict[str, Any]) -> Target:
    known = {field.name: field for field in fields(Target) if field.name != "name"}
    for key, value in values.items():
        if key not in known:
            raise PackError(f"the target file {path} has an unknown key {key!r}; known ones are {', '.join(known)}")
        kind = str(known[key].type).removesuffix(" | None")
        if not isinstance(value, _TYPES[kind]) or isinstance(value, bool) != (kind == "bool"):
            raise PackError(f"in the target file {path}, {key} must be of type {kind}, not {value!r}; correct it there")
        if isinstance(value, int | float) and not isinstance(value, bool) and value < (0 if key == "stream_bytes" else 1):
            raise PackError(f"in the target file {path}, {key} must be positive, not {value}; correct it there")
    missing = [name for name, field in known.items() if field.default is MISSING and name not in values]
    if missing:
        raise PackError(f"the target file {path} lacks {', '.join(missing)}; add what is missing")
    return Target(name=path.stem, **values)
