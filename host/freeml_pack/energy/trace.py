"""What a harvester gives: power over time, from files of recordings."""

from __future__ import annotations

import csv
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path

import numpy as np

from freeml_pack.errors import PackError

_HEADER = "time_s and power_w (or voltage_v)"
_NOT_AN_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, NotImplementedError, ImportError)


@dataclass(frozen=True, eq=False)
class PowerTrace:
    """watts[i] for seconds[i], one after the other; then it begins again. Both float64 [N], N at least 1, seconds positive,
    watts not negative."""

    name: str
    watts: np.ndarray
    seconds: np.ndarray

    @cached_property
    def duration(self) -> float:
        """Seconds until it repeats."""
        return float(self.seconds.sum())

    @property
    def mean_watts(self) -> float:
        return float(self.watts @ self.seconds) / self.duration

    def place(self, offset: float) -> tuple[int, float]:
        """(segment, seconds of it that remain) `offset` seconds after the beginning."""
        offset %= self.duration
        ends = np.cumsum(self.seconds)
        segment = min(int(np.searchsorted(ends, offset, side="right")), len(ends) - 1)
        return segment, max(float(ends[segment]) - offset, 1e-12)

    def scaled(self, factor: float) -> PowerTrace:
        return PowerTrace(self.name, self.watts * factor, self.seconds)


def load_trace(path: Path, load_ohms: float | None = None) -> PowerTrace:
    """A recording: a .csv file whose first line names its columns, time_s and power_w or voltage_v, each row valid until the
    next one; or an .npz file with dt_s and power_w, power_w_model or voltage_v.

    A voltage was measured behind the rectifier, across a load of `load_ohms` (an .npz file may say load_ohm itself): the power
    is what the load was given, V^2 / R. A regulator that keeps the harvester at that operating point would give as much, less
    its losses. PackError says what is wrong with the file."""
    try:
        if path.suffix.lower() == ".npz":
            return _from_npz(path, load_ohms)
        return _from_csv(path, load_ohms)
    except OSError as error:
        raise PackError(f"cannot read the trace {path}: {error.strerror or error}; name a .csv or .npz file") from error


def _from_npz(path: Path, load_ohms: float | None) -> PowerTrace:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except _NOT_AN_ARCHIVE as error:
        raise PackError(f"the trace {path} cannot be read as an .npz ({error}); save it again with np.savez") from error
    name = next((name for name in ("power_w", "power_w_model", "voltage_v") if name in arrays), None)
    if name is None or "dt_s" not in arrays or arrays[name].ndim != 1 or not len(arrays[name]) or arrays["dt_s"].size != 1:
        found = ", ".join(sorted(arrays)) or "nothing"
        raise PackError(
            f"the trace {path} has {found}; it needs dt_s (one number) and power_w or voltage_v (a list of numbers)"
        )
    if name == "voltage_v" and load_ohms is None and "load_ohm" in arrays:
        load_ohms = float(arrays["load_ohm"])
    values, dt = arrays[name].astype(np.float64), float(arrays["dt_s"])
    if not (isfinite(dt) and dt > 0):
        raise PackError(f"the trace {path} has dt_s = {dt}; it must be the seconds between two values, above 0")
    return _trace(path, name, values, np.full(len(values), dt), load_ohms)


def _from_csv(path: Path, load_ohms: float | None) -> PowerTrace:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row and not row[0].startswith("#")]
    except (UnicodeDecodeError, csv.Error) as error:
        raise PackError(f"the trace {path} is not a text file of rows; give a .csv with {_HEADER}") from error
    header = [cell.strip() for cell in rows[0]] if rows else []
    column = next((name for name in ("power_w", "voltage_v") if name in header), None)
    if column is None or "time_s" not in header:
        raise PackError(f"the trace {path} must name its columns in the first line: {_HEADER}")
    places = header.index("time_s"), header.index(column)
    numbers = np.array([_numbers(path, line, row, places) for line, row in enumerate(rows[1:], 2)]).reshape(-1, 2)
    if len(numbers) < 2:
        raise PackError(f"the trace {path} has {len(numbers)} rows; give at least two, so that the first one has an end")
    seconds = np.diff(numbers[:, 0])
    if (seconds <= 0).any():
        row = int(np.argmax(seconds <= 0)) + 3
        raise PackError(f"in the trace {path}, time_s does not rise at row {row}; sort the rows and drop repeated times")
    return _trace(path, column, numbers[:, 1], np.append(seconds, np.median(seconds)), load_ohms)


def _numbers(path: Path, line: int, row: list[str], places: tuple[int, int]) -> tuple[float, float]:
    try:
        return float(row[places[0]]), float(row[places[1]])
    except (ValueError, IndexError):
        raise PackError(f"row {line} of the trace {path} is not numbers: {','.join(row)[:60]!r}; correct it there") from None


def _trace(path: Path, column: str, values: np.ndarray, seconds: np.ndarray, load_ohms: float | None) -> PowerTrace:
    if column == "voltage_v":
        if load_ohms is None:
            raise PackError(
                f"the trace {path} has volts; --load-ohms says across which load they were measured, 30kohm for instance"
            )
        values = values**2 / load_ohms
    if not (np.isfinite(values).all() and np.isfinite(seconds).all() and (values >= 0).all()):
        raise PackError(f"the trace {path} has a number that is negative, infinite or NaN; clean the recording first")
    return PowerTrace(path.stem, values, seconds)
