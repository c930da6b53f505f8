"""The user's .npz: layouts, dtypes, normalisation, and one sentence for everything that can be wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from freeml_pack.data import Data, bind_data, bind_normalisation, load_data
from freeml_pack.errors import PackError
from freeml_pack.evaluate import evaluate
from freeml_pack.graph import Graph, SampleType, Window
from quantize.builder import Builder

RANDOM = np.random.default_rng(0)


def save(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def network(height: int = 6, width: int = 4, channels: int = 3, classes: int = 5) -> Graph:
    random, b = np.random.default_rng(1), Builder(height, width, channels)
    weight = random.normal(size=(classes, height, width, channels)).astype(np.float32)
    return b.graph(b.conv(b.input, weight, np.zeros(classes, np.float32), Window((height, width))))


def images(count: int = 7, shape: tuple[int, ...] = (3, 6, 4)) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (count, *shape), np.uint8)


@pytest.mark.parametrize(
    ("stored", "axes"),
    [((3, 6, 4), (0, 1, 2)), ((6, 4, 3), (1, 2, 0)), ((72,), (0, 1, 2)), ((3, 6, 4, 1), (0, 1, 2))],
    ids=["NCHW", "NHWC", "flattened", "trailing 1"],
)
def test_layouts_give_the_same_scores(tmp_path: Path, stored: tuple[int, ...], axes: tuple[int, ...]) -> None:
    """However a sample is stored, float model and bound graph see the same image, normalised per channel."""
    x, graph = images(), network()
    path = save(tmp_path, x_test=x.transpose(0, *(a + 1 for a in axes)).reshape(7, *stored), y_test=np.zeros(7, int))
    data = load_data(path, input_shape=(3, 6, 4), mean=(0.1, 0.2, 0.3), std=(1.0, 0.5, 2.0))
    expected = (x / 255.0 - np.array([0.1, 0.2, 0.3]).reshape(3, 1, 1)) / np.array([1.0, 0.5, 2.0]).reshape(3, 1, 1)
    assert data.test is not None
    np.testing.assert_allclose(data.test.normalised(), expected, atol=1e-6)
    bound = bind_data(graph, data)
    assert bound.sample.shape == stored
    assert bound.sample.type is SampleType.UINT8
    scores = evaluate(bound, data.test.values())[graph.output]
    np.testing.assert_allclose(scores, evaluate(graph, expected.astype(np.float32))[graph.output], rtol=1e-4, atol=1e-3)
    assert data.test.raw(bound.sample, slice(2, 4)).tobytes() == data.test.x[2:4].tobytes()


@pytest.mark.parametrize(
    ("stored", "model"),
    [((28, 28), (1, 28, 28)), ((784,), (1, 28, 28)), ((28, 28), (784,)), ((128, 9), (9, 128)), ((49, 10), (1, 49, 10))],
)
def test_usual_shapes(tmp_path: Path, stored: tuple[int, ...], model: tuple[int, ...]) -> None:
    x = RANDOM.normal(size=(3, *stored))
    data = load_data(save(tmp_path, x_train=x), input_shape=model)
    expected = x.transpose(0, 2, 1) if stored == (128, 9) else x.reshape(3, *model)
    assert data.train is not None
    np.testing.assert_allclose(data.train.normalised(), expected, rtol=1e-6)


def test_exact_shape_goes_before_transposition(tmp_path: Path) -> None:
    x = images(2, (4, 4, 4))
    data = load_data(save(tmp_path, x_test=x), input_shape=(4, 4, 4), scale=1.0)
    assert data.test is not None
    assert (data.test.normalised() == x).all()


@pytest.mark.parametrize(
    ("stored", "guess"),
    [((28, 28), (1, 28, 28)), ((32, 32, 3), (3, 32, 32)), ((3, 32, 32), (3, 32, 32)), ((9, 128), (1, 9, 128))],
)
def test_model_shape_guessed_from_the_data(tmp_path: Path, stored: tuple[int, ...], guess: tuple[int, ...]) -> None:
    assert load_data(save(tmp_path, x_test=np.zeros((2, *stored), np.uint8))).input_shape == guess


@pytest.mark.parametrize(
    ("x", "sample_type"),
    [
        (np.array([[0, 255]], np.uint8), SampleType.UINT8),
        (np.array([[-3, 3]], np.int8), SampleType.INT8),
        (np.array([[0, 9]], np.uint16), SampleType.UINT16),
        (np.array([[-300, 3]], np.int16), SampleType.INT16),
        (np.array([[0, 200]], np.int64), SampleType.UINT8),
        (np.array([[-1, 200]], np.int64), SampleType.INT16),
        (np.array([[0, 65535]], np.int32), SampleType.UINT16),
        (np.array([[True, False]]), SampleType.UINT8),
        (np.array([[0, 70000]], np.int32), None),
        (np.array([[0.5, 1.0]], np.float16), None),
        (np.array([[0.5, 1.0]], np.float64), None),
    ],
)
def test_sample_type(tmp_path: Path, x: np.ndarray, sample_type: SampleType | None) -> None:
    data = load_data(save(tmp_path, x_train=x), scale=1.0)
    assert data.sample_type is sample_type
    assert data.train is not None
    np.testing.assert_allclose(data.train.values(), x.astype(np.float32))


def test_labels(tmp_path: Path) -> None:
    one_hot = np.eye(5)[[3, 1]]
    data = load_data(save(tmp_path, x_train=images(2), y_train=one_hot, x_test=images(2), y_test=np.array([[0.0], [4.0]])))
    assert data.train is not None
    assert data.test is not None
    assert data.train.y is not None
    assert data.test.y is not None
    assert (data.train.y.tolist(), data.test.y.tolist()) == ([3, 1], [0, 4])


def test_what_is_missing_is_noted(tmp_path: Path) -> None:
    data = load_data(save(tmp_path, x_test=images(), y_test=np.zeros(7, int)))
    assert any("x_train" in note for note in data.notes)
    assert any("divided by 255" in note for note in data.notes)
    split, indices = data.calibration(4)
    assert split is data.test
    assert len(set(indices)) == 4
    assert any("y_test" in note for note in load_data(save(tmp_path, x_train=images(), x_test=images())).notes)


def test_normalisation_without_data() -> None:
    graph = bind_normalisation(network(), mean=(0.0, 0.5, 1.0), std=2.0, scale=0.1)
    assert graph.sample.normalisation.scale == pytest.approx((0.05, 0.05, 0.05))
    assert graph.sample.normalisation.offset == pytest.approx((0.0, -0.25, -0.5))
    assert graph.sample.normalisation.repeat == 24


X, Y = images(4), np.zeros(4, int)
BAD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no arrays": ({}, {}, "neither x_train nor x_test"),
    "other arrays": ({"images": X}, {}, "neither x_train nor x_test"),
    "objects": ({"x_test": np.array([[{}]], object)}, {}, "pickled"),
    "text": ({"x_test": np.array([["a"]])}, {}, "<U1"),
    "complex": ({"x_test": np.ones((1, 2), complex)}, {}, "complex"),
    "no samples": ({"x_test": X[:0]}, {}, "at least one sample"),
    "one axis": ({"x_test": np.zeros(5)}, {}, r"\(5,\)"),
    "shape": ({"x_test": np.zeros((2, 5, 5))}, {}, r"\(3, 6, 4\).*\(5, 5\)"),
    "unlike shapes": ({"x_train": X, "x_test": X[:, :, :3]}, {}, "different shapes"),
    "NaN": ({"x_test": np.where(np.arange(4)[:, None] == 2, np.nan, np.ones((4, 72)))}, {}, "sample 2"),
    "lengths": ({"x_test": X, "y_test": Y[:3]}, {}, "3 labels for 4 samples"),
    "scalar labels": ({"x_test": X, "y_test": np.array(1)}, {}, "0 labels for 4 samples"),
    "fractions": ({"x_test": X, "y_test": Y + 0.5}, {}, "not whole numbers"),
    "text labels": ({"x_test": X, "y_test": np.array(["cat"] * 4)}, {}, "class numbers"),
    "not one-hot": ({"x_test": X, "y_test": np.ones((4, 5))}, {}, "one-hot"),
    "too large a label": ({"x_test": X, "y_test": Y + 5}, {}, "y_test has the label 5, but the model has 5 classes"),
    "negative label": ({"x_train": X, "y_train": Y - 1}, {}, "y_train has the label -1"),
    "std of 0": ({"x_test": X}, {"std": 0.0}, "--std is 0"),
    "scale of 0": ({"x_test": X}, {"scale": 0.0}, "--scale is 0"),
    "mean of two": ({"x_test": X}, {"mean": (0.1, 0.2)}, "--mean has 2 values.*3 channels"),
    "infinite mean": ({"x_test": X}, {"mean": np.inf}, "--mean"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_contents(tmp_path: Path, case: str) -> None:
    arrays, options, message = BAD[case]
    with pytest.raises(PackError, match=message) as error:
        bind_data(network(), load_data(save(tmp_path, **arrays), input_shape=(3, 6, 4), **options))
    assert "\n" not in str(error.value)


def make_bad_file(folder: Path, kind: str) -> Path:
    path = folder / "bad.npz"
    if kind == "folder":
        return folder
    if kind == "text":
        path.write_text("hello, this is no archive")
    if kind == "empty":
        path.write_bytes(b"")
    if kind == "npy":
        np.save(folder / "bad.npy", X)
        return folder / "bad.npy"
    if kind in ("truncated", "damaged"):
        whole = save(folder, x_test=images(50)).read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if kind == "truncated" else whole[:600] + bytes(64) + whole[664:])
    return path


@pytest.mark.parametrize("kind", ["absent", "folder", "text", "empty", "npy", "truncated", "damaged"])
def test_bad_files(tmp_path: Path, kind: str) -> None:
    with pytest.raises(PackError) as error:
        load_data(make_bad_file(tmp_path, kind))
    assert "\n" not in str(error.value)


def test_labels_are_checked_against_the_classes_only_when_known(tmp_path: Path) -> None:
    data: Data = load_data(save(tmp_path, x_test=images(), y_test=np.arange(7)))
    assert bind_data(network(classes=7), data).sample.shape == (3, 6, 4)
