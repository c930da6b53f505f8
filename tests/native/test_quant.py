"""Requantization: the long multiply of large cores and the two short ones of small cores give the same, SPEC.md's, number."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cffi
import numpy as np
import pytest

SOURCE = Path(__file__).resolve().parents[2] / "native" / "src"
EXTREMES = (-(2**31), -(2**31) + 1, -65537, -65536, -65535, -32768, -1, 0, 1, 32767, 65535, 65536, 2**31 - 1)


@pytest.mark.parametrize("long_multiply", [0, 1])
def test_scale_is_the_floor_of_the_exact_product(long_multiply: int, tmp_path: Path) -> None:
    (tmp_path / "scale.c").write_text('#include "quant.h"\nint32_t scale(uint32_t a, uint32_t m) { return fml_scale(a, m); }\n')
    flags = ["-std=c99", "-O2", "-shared", "-fPIC", f"-I{SOURCE}", f"-DFML_LONG_MULTIPLY={long_multiply}"]
    subprocess.run(["cc", *flags, str(tmp_path / "scale.c"), "-o", str(tmp_path / "scale.so")], check=True)
    ffi = cffi.FFI()
    ffi.cdef("int32_t scale(uint32_t a, uint32_t m);")
    lib = ffi.dlopen(str(tmp_path / "scale.so"))
    rng = np.random.default_rng(0)
    accumulators = [*EXTREMES, *map(int, rng.integers(-(2**31), 2**31, 300))]
    multipliers = [0, 1, 255, 256, 16384, 32767, *map(int, rng.integers(0, 2**15, 30))]
    for a in accumulators:
        for m in multipliers:
            assert lib.scale(a & 0xFFFFFFFF, m) == a * m >> 16
