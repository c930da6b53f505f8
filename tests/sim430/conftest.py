from __future__ import annotations

import pytest
from sim430 import Sim430


@pytest.fixture(scope="module")
def machine() -> Sim430:
    """One device for the tests of a file; each sets what it needs."""
    return Sim430()
