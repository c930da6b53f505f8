"""Real data sets as the .npz files that freeml-pack takes, with the normalisation that the networks are trained with."""

from __future__ import annotations

import io
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from freeml_pack.data import Data, load_data
from freeml_pack.files import write_whole

from results import augment
from results.augment import Augment

ROOT = Path(__file__).resolve().parents[2]
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Dataset:
    """input_shape: of the model, without the batch. The model gets (number * scale - mean) / std, each one value or one per
    channel; mean and std are those of the training samples. read: x_train, y_train, x_test, y_test from the folder of all data
    sets, samples as a sensor gives them."""

    name: str
    input_shape: tuple[int, ...]
    read: Callable[[Path], Arrays]
    augment: Augment = augment.none
    scale: tuple[float, ...] = (1.0,)
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def write(self, sources: Path, folder: Path) -> Path:
        """The .npz in `folder`, made from the files in `sources` where it is not there yet."""
        path = folder / f"{self.name}.npz"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            file = io.BytesIO()
            np.savez(file, allow_pickle=False, **self.read(sources))
            write_whole(path, file.getvalue())
        return path

    def open(self, path: Path) -> Data:
        """As freeml-pack reads it with `flags`."""
        return load_data(path, input_shape=self.input_shape, mean=self.mean, std=self.std, scale=self.scale)

    @property
    def flags(self) -> list[str]:
        """Arguments of freeml-pack that say what the numbers mean."""
        given = {"scale": self.scale, "mean": self.mean, "std": self.std}
        return [f"--{name}={','.join(map(repr, values))}" for name, values in given.items()]


def _cifar10(sources: Path) -> Arrays:
    from PIL import Image

    with np.load(sources / "cifar10_jpeg" / "cifar10_jpeg_full.npz") as archive:
        arrays = dict(archive)
    header = arrays["header"].tobytes()
    result: Arrays = {}
    for part in ("train", "test"):
        content, offsets = arrays[f"{part}_bytes"].tobytes(), arrays[f"{part}_offset"].tolist()
        pictures = (header + content[begin:end] for begin, end in pairwise(offsets))
        result[f"x_{part}"] = np.stack([np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")) for picture in pictures])
        result[f"y_{part}"] = arrays[f"y_{part}"]
    return result


def _keywords(sources: Path) -> Arrays:
    with np.load(sources / "kws_speech_commands" / "kws12.npz") as archive:
        return {
            "x_train": archive["logmel_train"],
            "y_train": archive["y_train"],
            "x_test": archive["logmel_test"],
            "y_test": archive["y_test"],
        }


def _motion(sources: Path) -> Arrays:
    return _four(sources / "har_uci" / "har_uci.npz")


def _fashion(sources: Path) -> Arrays:
    return _four(sources / "fashion_mnist" / "fashion_mnist.npz")


def _four(path: Path) -> Arrays:
    with np.load(path) as archive:
        return {name: archive[name] for name in ("x_train", "y_train", "x_test", "y_test")}


def _digits(sources: Path) -> Arrays:
    """From scikit-learn, as the demo has them: no file is needed."""
    arrays: Arrays = runpy.run_path(str(ROOT / "examples" / "digits" / "data.py"))["load"]()
    return arrays


DIGITS = Dataset("digits", (1, 8, 8), _digits)
CIFAR10 = Dataset(
    "cifar10",
    (3, 32, 32),
    _cifar10,
    augment.flipped_and_shifted,
    scale=(1 / 255,),
    mean=(0.491, 0.482, 0.447),
    std=(0.241, 0.238, 0.257),
)
FASHION = Dataset(
    "fashion_mnist", (1, 28, 28), _fashion, augment.flipped_and_shifted, scale=(1 / 255,), mean=(0.286,), std=(0.353,)
)
KEYWORDS = Dataset("keywords", (1, 49, 40), _keywords, augment.spoken_elsewhere, mean=(161.9,), std=(38.1,))
MOTION = Dataset(
    "har",
    (9, 128),
    _motion,
    augment.worn_elsewhere,
    mean=(2.0, -2.0, 0.0, 25.0, -11.0, -41.0, 8056.0, 282.0, 857.0),
    std=(1928.0, 1180.0, 1017.0, 2014.0, 1888.0, 1251.0, 4132.0, 3907.0, 3570.0),
)
