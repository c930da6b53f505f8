"""The user's data: an .npz with x_train, y_train, x_test, y_test in whatever layout and dtype, and what its numbers mean."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from freeml_pack.data.layout import Layout, Numbers, Shape, find_layout, find_normalisation
from freeml_pack.errors import PackError
from freeml_pack.graph import Normalisation, Sample, SampleType
from freeml_pack.samples import sample_bytes

_NAMES = 8  # of arrays, listed in an error message
_SAMPLE_TYPES = {np.dtype(t): SampleType[t.upper()] for t in ("uint8", "int8", "uint16", "int16")}


@dataclass(frozen=True, eq=False)
class Split:
    """One part of the data, training or test."""

    x: np.ndarray  # [N, *layout.stored], as in the file
    y: np.ndarray | None  # int64 [N]
    layout: Layout
    normalisation: Normalisation

    def __len__(self) -> int:
        return len(self.x)

    def values(self, indices: np.ndarray | slice = slice(None)) -> np.ndarray:
        """float32 [n, *layout.stored]: normalised, in the order of the file, which is that of a graph after `bind_data`."""
        x = self.x[indices]
        channel = np.arange(int(np.prod(self.layout.stored))) // self.normalisation.repeat % len(self.normalisation.scale)
        scale, offset = (np.array(v, np.float64)[channel] for v in (self.normalisation.scale, self.normalisation.offset))
        real = x.reshape(len(x), -1) * scale.astype(np.float32) + offset.astype(np.float32)
        return real.astype(np.float32).reshape(len(x), *self.layout.stored)

    def normalised(self, indices: np.ndarray | slice = slice(None)) -> np.ndarray:
        """float32 [n, *model input shape]: what the float model takes."""
        return self.layout.to_model(self.values(indices))

    def raw(self, sample: Sample, indices: np.ndarray | slice = slice(None)) -> np.ndarray:
        """uint8 [n, sample.size]: what the device is given. `sample` is the quantized graph's."""
        return sample_bytes(sample, self.x[indices])


@dataclass(frozen=True, eq=False)
class Data:
    train: Split | None
    test: Split | None
    layout: Layout
    sample_type: SampleType | None  # None: floating-point numbers
    normalisation: Normalisation
    notes: list[str] = field(default_factory=list)  # sentences for the user: what is missing, what was assumed

    @property
    def input_shape(self) -> Shape:
        """Of the model, without the batch: as given to `load_data`, else guessed from the data."""
        return self.layout.model

    def calibration(self, limit: int = 512, seed: int = 0) -> tuple[Split, np.ndarray]:
        """The split to calibrate on (training, else test) and sorted indices of at most `limit` samples of it."""
        split = self.train or self.test
        assert split is not None
        chosen = np.random.default_rng(seed).permutation(len(split))[:limit]
        return split, np.sort(chosen)


def load_data(
    path: str | Path,
    *,
    input_shape: Shape | None = None,
    mean: Numbers = None,
    std: Numbers = None,
    scale: Numbers = None,
) -> Data:
    """Reads the .npz. The model gets (number * scale - mean) / std, each one value or one per channel of the model's input
    (its first axis). Without `scale`, uint8 is divided by 255 and everything else taken as it is. PackError says what is
    wrong with the file."""
    arrays = _read(Path(path))
    x = {part: arrays[f"x_{part}"] for part in ("train", "test") if f"x_{part}" in arrays}
    x, sample_type = _typed(path, x)
    shapes = {array.shape[1:] for array in x.values()}
    if len(shapes) != 1:
        raise PackError(f"x_train and x_test in {path} hold samples of different shapes, {_list(shapes)}: make them alike.")
    layout = find_layout(shapes.pop(), input_shape)
    notes: list[str] = []
    are_uint8 = {arrays[f"x_{part}"].dtype == np.uint8 for part in x}
    if scale is None and len(are_uint8) == 2:
        kinds = " and ".join(f"x_{part} is {arrays[f'x_{part}'].dtype}" for part in x)
        raise PackError(f"{kinds} in {path}, so their numbers mean different things: store both alike, or give --scale.")
    if scale is None and are_uint8 == {True}:
        notes.append("x is uint8 and no scale was given: divided by 255.")
        scale = 1.0 / 255.0
    normalisation = find_normalisation(layout, mean, std, scale)
    splits = {part: Split(array, _labels(path, arrays, part, notes), layout, normalisation) for part, array in x.items()}
    if "train" not in splits:
        notes.append("no x_train: calibrated on x_test, so the int8 accuracy is a little flattered.")
    if "test" not in splits:
        notes.append("no x_test: accuracy is not measured.")
    return Data(splits.get("train"), splits.get("test"), layout, sample_type, normalisation, notes)


def _read(path: Path) -> dict[str, np.ndarray]:
    """Arrays by lower-case name."""
    wanted = ("x_train", "y_train", "x_test", "y_test")
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise PackError(
                f"{path} holds one array, not an .npz: save it with np.savez(x_train=..., y_train=..., x_test=...)."
            )
        with archive:
            if not {"x_train", "x_test"} & {name.lower() for name in archive.files}:
                found = ", ".join(sorted(archive.files)[:_NAMES]) or "nothing"
                raise PackError(
                    f"{path} has neither x_train nor x_test (found: {found}): save it with np.savez(x_train=..., y_train=...)."
                )
            return {name.lower(): archive[name] for name in archive.files if name.lower() in wanted}
    except FileNotFoundError:
        raise PackError(f"there is no file {path}: give the .npz with the data.") from None
    except IsADirectoryError:
        raise PackError(f"{path} is a folder: give the .npz with the data.") from None
    except ValueError:
        if zipfile.is_zipfile(path):
            raise PackError(f"{path} holds pickled Python objects, which can run code: save plain numeric arrays.") from None
        raise PackError(f"{path} is not an .npz file: save the data with np.savez(x_train=..., y_train=...).") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ImportError, KeyError) as error:
        raise PackError(f"{path} cannot be read as an .npz ({error}): save the data again with np.savez.") from None


def _typed(path: str | Path, x: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], SampleType | None]:
    """The arrays in the one dtype that the device will be given (float32: Python quantizes), checked."""
    for name, array in x.items():
        if array.dtype.kind not in "buif":
            raise PackError(f"x_{name} in {path} is {array.dtype}: give integers or floating-point numbers.")
        if array.ndim < 2 or array.size == 0:
            raise PackError(
                f"x_{name} in {path} has shape {array.shape}: give at least one sample, with the samples along the first axis."
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = int(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0])
            raise PackError(f"x_{name} in {path} has a NaN or infinite value in sample {bad}: clean the data first.")
    if any(array.dtype.kind == "f" for array in x.values()):
        return {name: array.astype(np.float32) for name, array in x.items()}, None
    low, high = min(int(a.min()) for a in x.values()), max(int(a.max()) for a in x.values())
    common = np.result_type(*x.values()) if len(x) > 1 else next(iter(x.values())).dtype
    candidates = [common] if common in _SAMPLE_TYPES else list(_SAMPLE_TYPES)
    for dtype in candidates:
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return {name: array.astype(dtype) for name, array in x.items()}, _SAMPLE_TYPES[dtype]
    return {name: array.astype(np.float32) for name, array in x.items()}, None


def _labels(path: str | Path, arrays: dict[str, np.ndarray], part: str, notes: list[str]) -> np.ndarray | None:
    name = f"y_{part}"
    if name not in arrays:
        notes.append(f"no {name}." if part == "train" else "no y_test: accuracy is not measured.")
        return None
    y, samples = arrays[name], len(arrays[f"x_{part}"])
    if y.dtype.kind not in "buif":
        raise PackError(f"{name} in {path} is {y.dtype}: give class numbers.")
    if y.shape[:1] != (samples,):
        raise PackError(f"{name} in {path} has {y.shape[0] if y.ndim else 0} labels for {samples} samples: give one for each.")
    if y.ndim == 2 and y.shape[1] > 1:
        if not (((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all()):
            raise PackError(f"{name} in {path} has shape {y.shape} and is not one-hot: give one class number per sample.")
        return y.argmax(axis=1).astype(np.int64)
    if y.size != samples:
        raise PackError(f"{name} in {path} has shape {y.shape}: give one class number per sample.")
    if y.dtype.kind == "f" and not (np.isfinite(y) & (y == np.rint(y))).all():
        raise PackError(f"{name} in {path} has values that are not whole numbers: give class numbers 0, 1, 2, ...")
    return y.reshape(samples).astype(np.int64)


def _list(shapes: set[Shape]) -> str:
    return " and ".join(str(shape) for shape in sorted(shapes))
