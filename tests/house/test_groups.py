"""Tests that share something dear run on one worker: where pytest is too new, pytest-xdist does not group them, silently."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("a group")
def test_groups_stay_on_one_worker(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("loadgroup", False):
        pytest.skip("tests are not distributed")
    assert request.node.nodeid.endswith("@a group"), "install the versions of pytest that pyproject.toml names"
