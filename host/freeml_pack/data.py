"""The user's data: an .npz with x_train, y_train, x_test, y_test in whatever layout and dtype, and what its numbers mean."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from freeml_pack.errors import PackError
from freeml_pack.graph import Graph, Normalisation, Op, Quantize, Sample, SampleType, Strides, View
from freeml_pack.quantize_sample import sample_bytes

Shape = tuple[int, ...]
Numbers = float | Sequence[float] | None

_SAMPLE_TYPES = {np.dtype(t): SampleType[t.upper()] for t in ("uint8", "int8", "uint16", "int16")}


@dataclass(frozen=True, eq=False)
class Layout:
    """How a sample as stored maps to the model's input."""

    stored: Shape  # without the batch
    model: Shape
    axes: tuple[int, ...] | None  # transposition of the stored axes; None: a reshape is enough

    def to_model(self, x: np.ndarray) -> np.ndarray:
        """[N, *stored] -> [N, *model]"""
        moved = x if self.axes is None else x.transpose(0, *(axis + 1 for axis in self.axes))
        return moved.reshape(len(x), *self.model)


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
    if not x:
        found = ", ".join(sorted(arrays)) or "nothing"
        raise PackError(
            f"{path} has neither x_train nor x_test (found: {found}): save it with np.savez(x_train=..., y_train=...)."
        )
    x, sample_type = _typed(path, x)
    shapes = {array.shape[1:] for array in x.values()}
    if len(shapes) != 1:
        raise PackError(f"x_train and x_test in {path} hold samples of different shapes, {_list(shapes)}: make them alike.")
    layout = find_layout(shapes.pop(), input_shape)
    notes: list[str] = []
    is_uint8 = all(arrays[f"x_{part}"].dtype == np.uint8 for part in x)
    if scale is None and is_uint8:
        notes.append("x is uint8 and no scale was given: divided by 255.")
        scale = 1.0 / 255.0
    normalisation = find_normalisation(layout, mean, std, scale)
    splits = {part: Split(array, _labels(path, arrays, part, notes), layout, normalisation) for part, array in x.items()}
    if "train" not in splits:
        notes.append("no x_train: calibrated on x_test, so the int8 accuracy is a little flattered.")
    if "test" not in splits:
        notes.append("no x_test: accuracy is not measured.")
    return Data(splits.get("train"), splits.get("test"), layout, sample_type, normalisation, notes)


def bind_data(graph: Graph, data: Data) -> Graph:
    """The graph whose sample is one of the data's, as stored. PackError where a label is not one of the model's classes."""
    classes = graph.tensors[graph.output].size
    for name, split in (("y_train", data.train), ("y_test", data.test)):
        if split is not None and split.y is not None and len(split.y) and classes > 1:
            wrong = split.y[(split.y < 0) | (split.y >= classes)]
            if len(wrong):
                raise PackError(
                    f"{name} has the label {wrong[0]}, but the model has {classes} classes: use labels 0..{classes - 1}."
                )
    layout = data.layout
    stored = np.arange(graph.sample.elements).reshape(1, *layout.stored)
    order = layout.to_model(stored).ravel()
    sample = Sample(layout.stored, data.sample_type, data.normalisation)
    return graph.with_(sample=sample, ops=tuple(_rebind(op, order) for op in graph))


def bind_normalisation(graph: Graph, *, mean: Numbers = None, std: Numbers = None, scale: Numbers = None) -> Graph:
    """For packing without data: the sample is floating-point numbers in the model's own layout."""
    layout = Layout(graph.sample.shape, graph.sample.shape, None)
    return graph.with_(sample=replace(graph.sample, normalisation=find_normalisation(layout, mean, std, scale)))


def _rebind(op: Op, order: np.ndarray) -> Op:
    """`order[i]`: where element i of the model's input lies in the stored sample."""
    if not isinstance(op, Quantize):
        return op
    space = op.view.space
    places = order[op.view.source.indices(space)]
    origin = int(places[0, 0, 0])
    row = int(places[1, 0, 0]) - origin if space[0] > 1 else 0
    column = int(places[0, 1, 0]) - origin if space[1] > 1 else 0
    depth = int(places[0, 0, 1]) - origin if space[2] > 1 else 0
    source = Strides(origin, row, column, depth)
    if (source.indices(space) != places).any():
        raise PackError(
            f"{op.name} reads the input in an order that the data's layout does not allow: store it as the model takes it."
        )
    return replace(op, view=View(space, source, op.view.destination))


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


def find_layout(stored: Shape, model: Shape | None) -> Layout:
    """PackError where samples of shape `stored` cannot be the model's input. An exact match goes before a transposition."""
    if model is None:
        model = _guess_model_shape(stored)
    squeezed = tuple(n for n in stored if n != 1)
    same_order = squeezed == tuple(n for n in model if n != 1)
    flattened = np.prod(stored) == np.prod(model) and 1 in (len(squeezed), len(model))
    if stored == model or same_order:
        return Layout(stored, model, None)
    if len(stored) == len(model) > 1 and (*stored[-1:], *stored[:-1]) == model:  # channels last
        return Layout(stored, model, (len(stored) - 1, *range(len(stored) - 1)))
    if flattened:
        return Layout(stored, model, None)
    raise PackError(
        f"the model takes samples of shape {model}, but the data has {stored}: reshape the data or check --input-shape."
    )


def _guess_model_shape(stored: Shape) -> Shape:
    """Images (H, W) and (H, W, 1 or 3) are turned into PyTorch's (C, H, W); everything else stays."""
    if len(stored) == 2 and min(stored) >= 16 and stored[0] == stored[1]:
        return (1, *stored)
    if len(stored) == 3 and stored[2] in (1, 3) and stored[0] not in (1, 3):
        return (stored[2], *stored[:2])
    return stored


def find_normalisation(layout: Layout, mean: Numbers, std: Numbers, scale: Numbers) -> Normalisation:
    """real = (number * scale - mean) / std as one affine function per channel of the stored sample."""
    channels = layout.model[0]
    given = {"mean": mean, "std": std, "scale": scale}
    default = {"mean": 0.0, "std": 1.0, "scale": 1.0}
    values = {name: np.atleast_1d(np.asarray(default[name] if v is None else v, np.float64)) for name, v in given.items()}
    for name, value in values.items():
        if value.shape not in ((1,), (channels,)):
            raise PackError(
                f"--{name} has {value.size} values, but the model's input has {channels} channels: give 1 or {channels}."
            )
        if not np.isfinite(value).all():
            raise PackError(f"--{name} is not a finite number: give finite numbers.")
    for name in ("std", "scale"):
        if (values[name] == 0).any():
            raise PackError(f"--{name} is 0: give a number other than 0.")
    gain = values["scale"] / values["std"]
    offset = -values["mean"] / values["std"] * np.ones_like(gain)
    gain = gain * np.ones_like(offset)
    last = layout.axes is not None or len(layout.model) == 1
    repeat = 1 if last or len(gain) == 1 else int(np.prod(layout.model[1:]))
    return Normalisation(tuple(gain.tolist()), tuple(offset.tolist()), repeat)


def _list(shapes: set[Shape]) -> str:
    return " and ".join(str(shape) for shape in sorted(shapes))
