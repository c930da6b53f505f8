"""Small arithmetic of the core against Python's: checksums, products that saturate, the cutting of an axis in parts."""

from __future__ import annotations

import zlib

import numpy as np
from freeml_pack._engine import lib
from hypothesis import given, settings
from hypothesis import strategies as st
from native.kernel_library import library

SIZE_MAX = 0x7FFFFFFF
UINT16 = st.one_of(st.integers(1, 65535), st.sampled_from([1, 2, 255, 256, 32767, 32768, 65534, 65535]))


def test_crc_is_zlibs() -> None:
    every = bytes(range(256))
    rng = np.random.default_rng(0)
    for data in (b"", b"123456789", every, *(rng.bytes(int(size)) for size in rng.integers(1, 2000, 30))):
        assert lib.fml_crc32(0, data, len(data)) == zlib.crc32(data)
        for cut in (0, len(data) // 3, len(data)):
            assert lib.fml_crc32(lib.fml_crc32(0, data[:cut], cut), data[cut:], len(data) - cut) == zlib.crc32(data)


@settings(deadline=None)
@given(st.lists(UINT16, min_size=3, max_size=3))
def test_shapes_of_any_size_have_a_size(axes: list[int]) -> None:
    kernels_ffi, kernels = library()
    shape = kernels_ffi.new("fml_shape *", axes)
    assert kernels.fml_shape_size(shape) == min(axes[0] * axes[1] * axes[2], SIZE_MAX)


@settings(deadline=None)
@given(UINT16, UINT16)
def test_sizes_of_groups_saturate(inputs: int, channels: int) -> None:
    kernels_ffi, kernels = library()
    op = kernels_ffi.new("fml_op *", {"kind": 1, "window": {"kernel_height": 65535, "kernel_width": 257, "groups": 1}})
    op.window.channels = inputs
    taps = min(65535 * 257 * inputs, SIZE_MAX)
    assert kernels.fml_op_taps(op) == taps
    assert kernels.fml_op_group_size(op, channels) == min((taps + 7) * (-(-channels // 4) * 4), SIZE_MAX)


@settings(deadline=None)
@given(st.lists(UINT16, min_size=3, max_size=3), st.lists(UINT16, min_size=3, max_size=3), st.data())
def test_tiles_are_the_boxes_that_the_specification_says(shape: list[int], tile: list[int], data: st.DataObject) -> None:
    kernels_ffi, kernels = library()
    fill = {"kind": 8, "space": shape, "tile_rows": tile[0], "tile_columns": tile[1], "tile_channels": tile[2]}
    op = kernels_ffi.new("fml_op *", fill)
    counts = [-(-whole // part) for whole, part in zip(shape, tile, strict=True)]
    total = counts[0] * counts[1] * counts[2]
    assert kernels.fml_op_tile_count(op) == min(total, SIZE_MAX)
    if total > 65535:
        return  # refused
    index = data.draw(st.integers(0, total - 1))
    blocks = (index % counts[0], index // counts[0] % counts[1], index // (counts[0] * counts[1]))
    box = kernels.fml_op_tile(op, index)
    expected = [(b * part, min((b + 1) * part, whole)) for b, part, whole in zip(blocks, tile, shape, strict=True)]
    assert [(box.row_begin, box.row_end), (box.column_begin, box.column_end), (box.channel_begin, box.channel_end)] == expected
