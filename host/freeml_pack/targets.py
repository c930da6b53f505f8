"""What the packer knows about a device: `Target`, read from targets/*.toml."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, fields, replace
from math import inf
from pathlib import Path
from typing import Any, ClassVar

from freeml_pack.errors import PackError
from freeml_pack.graph import Encoding

DEFAULT_TARGET = "generic"
_FOLDER = Path(__file__).with_name("targets")


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What work takes on a device, all in one unit: joules (`Energy`) or seconds (`Time`)."""

    unit: ClassVar[str]
    mac: float  # a multiply-accumulate, all overheads of a convolution's loops included
    element: float  # requantize and store one output element
    step: float  # decode an operator, set up its kernel
    commit: float  # a record in both slots, with its syncs
    boot: float  # from power-on until the blob is opened, without the next
    check: float  # one byte of the blob, whose checksums are verified each time that it is opened
    transfer: float = 0.0  # one access to memory behind a bus or a driver, besides its bytes
    byte: float = 0.0  # one byte of it

    @property
    def life(self) -> float:
        """What there is between two power failures."""
        raise NotImplementedError

    @property
    def most(self) -> float:
        """What a life surely gives."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Energy(Prices):
    """Prices in joules, on a device that computes from a capacitor."""

    unit = "J"
    capacitance: float  # farads
    volts_on: float  # the device starts
    volts_off: float  # and stops
    margin: float  # share of a charge, 0 to 1, that no plan counts on: ageing, temperature, estimates
    sleep: float = 0.0  # watts while the device waits, its RAM kept

    @property
    def life(self) -> float:
        return 0.5 * self.capacitance * (self.volts_on**2 - self.volts_off**2)

    @property
    def most(self) -> float:
        return (1 - self.margin) * self.life


@dataclass(frozen=True, kw_only=True)
class Time(Prices):
    """Prices in seconds, on a device whose power fails at any time, not because energy ran out."""

    unit = "s"
    between_failures: float  # seconds of computing, on average

    @property
    def life(self) -> float:
        return self.between_failures

    @property
    def most(self) -> float:
        return inf


@dataclass(frozen=True, kw_only=True)
class EncodedMac:
    """What a multiply-accumulate with a kept weight takes in each encoding, in those of a dense layer with a byte each."""

    # Counted: inner loops of convolutions on a Cortex-M3, tools/kernel_cost.py, the difference between 20% and 40% kept. Of
    # windows of more than 144 taps; smaller ones, of which kernels take more at a time: SPARSE_8 0.85, SPARSE_4 1.0.
    dense_4: float = 1.1
    sparse_8: float = 1.2
    sparse_4: float = 1.4
    block_sparse_8: float = 0.9
    block_sparse_4: float = 1.1
    offset_8: float = 1.65

    def of(self, encoding: Encoding) -> float:
        return 1.0 if encoding == Encoding.DENSE_8 else float(getattr(self, encoding.name.lower()))


# Likewise, of a step with one pixel, such as linear layers have: no other shares what it takes to decode a weight. In
# multiply-accumulates of a dense convolution, too.
ONE_PIXEL = EncodedMac(dense_4=2.8, sparse_8=3.6, sparse_4=4.6, block_sparse_8=2.2, block_sparse_4=3.1, offset_8=1.55)


@dataclass(frozen=True)
class Target:
    """Sizes in bytes, None: no limit known."""

    name: str
    description: str
    nvm_mapped: bool  # the arena is used where it lies in NVM; else RAM holds it and NVM mirrors it
    stream_bytes: int  # buffer for the constants of one step; 0: the blob is memory-mapped and used where it lies
    prices: Energy | Time  # sections [energy] or [time] of the file
    mapped_bytes: int = 0  # a blob that takes no more, with the NVM, is used where it lies although others are streamed
    flash_bytes: int | None = None  # room for the blob
    ram_bytes: int | None = None  # for the arena (unless nvm_mapped), scratch and streamed metadata
    nvm_bytes: int | None = None  # room for journal and arena
    nvm_commits: float | None = None  # commits until the NVM may be worn out; FRAM: the endurance of a cell
    clock_hz: int | None = None
    cycles_per_mac: float | None = None  # all overheads of a convolution included
    one_pixel_mac: float = 1.0  # what one takes in a dense step with one pixel, in those of a convolution
    firmware: str | None = None  # port of native/ports that images for it are made with (--emit-image)
    encoded_mac: EncodedMac = EncodedMac()  # section [encoded_mac] of the file
    encoded_mac_one_pixel: EncodedMac = ONE_PIXEL  # section [encoded_mac_one_pixel]

    @property
    def blob_mapped(self) -> bool:
        return self.stream_bytes == 0

    def mapping(self, used_bytes: int) -> Target:
        """The target as a blob sees it that takes so many bytes together with its journal and arena."""
        return replace(self, stream_bytes=0) if used_bytes <= self.mapped_bytes else self

    @property
    def active_watts(self) -> float | None:
        """What the device takes while it works; None where that is not known."""
        if not isinstance(self.prices, Energy) or self.clock_hz is None or self.cycles_per_mac is None:
            return None
        return self.prices.mac * self.clock_hz / self.cycles_per_mac

    def encoded_factor(self, encoding: Encoding, pixels: int) -> float:
        """What a multiply-accumulate of a step with so many pixels takes, in those of a dense convolution."""
        if encoding == Encoding.DENSE_8:
            return self.one_pixel_mac if pixels == 1 else 1.0
        return (self.encoded_mac_one_pixel if pixels == 1 else self.encoded_mac).of(encoding)

    def compute_seconds(self, macs: float) -> float | None:
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
    return _target(f"the target file {path}", path.stem, values)


_SECTIONS: dict[str, type[Energy | Time]] = {"energy": Energy, "time": Time}


def _target(file: str, name: str, values: dict[str, Any]) -> Target:
    chosen = [key for key in _SECTIONS if key in values]
    if len(chosen) != 1:
        raise PackError(f"{file} must have one of the sections [energy] and [time]; start from a file in {_FOLDER}")
    prices = _prices(file, chosen[0], values.pop(chosen[0]))
    encoded = _encoded_mac(file, "encoded_mac", values, EncodedMac())
    one_pixel = _encoded_mac(file, "encoded_mac_one_pixel", values, ONE_PIXEL)
    known = _checked(file, Target, values)
    return Target(name=name, prices=prices, encoded_mac=encoded, encoded_mac_one_pixel=one_pixel, **known)


def _encoded_mac(file: str, section: str, values: dict[str, Any], default: EncodedMac) -> EncodedMac:
    """Takes the section from the values."""
    return replace(default, **_section(file, section, EncodedMac, values.pop(section, {})))


def _section(file: str, section: str, kind: type, values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise PackError(f"{file} has {section} as a key, not as a section; write [{section}] and its keys below")
    return _checked(f"section [{section}] of {file}", kind, values)


def _prices(file: str, section: str, values: Any) -> Energy | Time:
    kind = _SECTIONS[section]
    prices: Energy | Time = kind(**_section(file, section, kind, values))
    if isinstance(prices, Energy) and not (prices.volts_on > prices.volts_off and prices.margin < 1):
        raise PackError(f"in {file}, volts_on must be above volts_off, and margin below 1; correct it there")
    return prices


_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "bool": (bool,), "int": (int,), "float": (int, float)}
_NOT_IN_FILE = {"name", "prices", "encoded_mac", "encoded_mac_one_pixel"}
_MAY_BE_0 = {"stream_bytes", "element", "boot", "check", "transfer", "byte", "margin", "volts_off", "sleep"}


def _checked(where: str, kind: type, values: dict[str, Any]) -> dict[str, Any]:
    """`values`, if they are fields of the dataclass `kind`, complete, of the right type and not negative."""
    known = {field.name: field for field in fields(kind) if field.name not in _NOT_IN_FILE}
    for key, value in values.items():
        if key not in known:
            raise PackError(f"{where} has an unknown key {key!r}; known ones are {', '.join(known)}")
        wanted = str(known[key].type).removesuffix(" | None")
        if not isinstance(value, _TYPES[wanted]) or isinstance(value, bool) != (wanted == "bool"):
            raise PackError(f"in {where}, {key} must be of type {wanted}, not {value!r}; correct it there")
        if wanted in ("int", "float") and not _in_range(key, value):
            raise PackError(f"in {where}, {key} must be positive, not {value}; correct it there")
    missing = [name for name, field in known.items() if field.default is MISSING and name not in values]
    if missing:
        raise PackError(f"{where} lacks {', '.join(missing)}; add what is missing")
    return values


def _in_range(key: str, value: Any) -> bool:
    return bool(0 < value < inf or (value == 0 and key in _MAY_BE_0))
