"""Strided views found from lists of element offsets."""

from __future__ import annotations

import numpy as np
from freeml_pack.frontend.to_graph.views import find_views
from hypothesis import given, settings
from hypothesis import strategies as st


def copied(source: np.ndarray, destination: np.ndarray, size: int) -> np.ndarray:
    """What the views write, on a destination filled with -1."""
    views = find_views(source, destination)
    assert views is not None
    result = np.full(size, -1)
    for view in views:
        result[view.destination.indices(view.space)] = view.source.indices(view.space)
    return result


@settings(deadline=None)
@given(shape=st.lists(st.integers(1, 5), min_size=1, max_size=5), data=st.data())
def test_slices_and_permutations_are_found(shape: list[int], data: st.DataObject) -> None:
    index = np.arange(int(np.prod(shape))).reshape(shape)
    for axis, size in enumerate(shape):
        start, step = data.draw(st.integers(0, size - 1)), data.draw(st.sampled_from([1, 2, -1]))
        index = np.moveaxis(np.moveaxis(index, axis, 0)[start::step], 0, axis)
    index = index.transpose(data.draw(st.permutations(range(index.ndim)))).ravel()
    np.testing.assert_array_equal(copied(index, np.arange(index.size), index.size), index)


def test_broadcast_has_a_stride_of_zero() -> None:
    (view,) = find_views(np.array([0, 1, 0, 1, 0, 1]), np.arange(6)) or []
    assert (view.space, view.source.row, view.source.depth) == ((3, 1, 2), 0, 1)


def test_axes_are_merged_but_no_longer_than_a_blob_can_say() -> None:
    (view,) = find_views(np.arange(3 * 40000), np.arange(3 * 40000)) or []
    assert view.space == (2, 1, 60000)


def test_no_pattern_is_said_to_be_none() -> None:
    assert find_views(np.random.default_rng(0).permutation(997), np.arange(997)) is None


def test_too_many_pieces_are_refused() -> None:
    axes = np.arange(3**6).reshape([3] * 6).transpose(5, 3, 1, 4, 2, 0)
    assert len(find_views(axes.ravel(), np.arange(3**6)) or []) == 27
    assert find_views(np.arange(2**10).reshape([2] * 10).transpose(range(9, -1, -1)).ravel(), np.arange(2**10)) is None
