"""MSP430_GCC=/path/to/msp430-elf-gcc pytest tests/sim430: the same tests of firmware that this compiler has made, but for those
that hold figures."""

from __future__ import annotations

import os

import pytest
from freeml_pack.errors import PackError
from freeml_pack.firmware import msp430
from freeml_pack.firmware.toolchain import clang, gcc
from sim430 import Sim430


@pytest.fixture(scope="module")
def machine() -> Sim430:
    """One device for the tests of a file; each sets what it needs."""
    return Sim430()


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> msp430.Common:
    """Object files of the firmware, as freeml_pack/firmware compiles them."""
    compiler = os.environ.get("MSP430_GCC")
    try:
        toolchain = gcc(compiler) if compiler else clang()
    except PackError as error:
        pytest.skip(str(error))
    return msp430.compile_common(tmp_path_factory.mktemp("msp430"), toolchain=toolchain)


@pytest.fixture(scope="session")
def of_clang(common: msp430.Common) -> msp430.Common:
    """The same, for figures, which are those of the compiler that makes the firmware as a rule, and for parts of the port that
    are linked without the rest."""
    if not common.toolchain.own_runtime:
        pytest.skip("only of clang's firmware")
    return common
