from __future__ import annotations

from pathlib import Path

import pytest
from freeml_pack.errors import PackError
from freeml_pack.firmware import msp430
from sim430 import Sim430


@pytest.fixture(scope="module")
def machine() -> Sim430:
    """One device for the tests of a file; each sets what it needs."""
    return Sim430()


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Object files of the firmware, as freeml_pack/firmware compiles them."""
    try:
        msp430.tools()
    except PackError as error:
        pytest.skip(str(error))
    return msp430.compile_common(tmp_path_factory.mktemp("msp430"))
