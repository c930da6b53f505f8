"""Progress where stderr is no terminal."""

from __future__ import annotations

import pytest
from freeml_pack.progress import ProgressDisplay


def run(quiet: bool, seconds: int) -> None:
    """Work that reports once a second."""
    now = [0.0]
    display = ProgressDisplay(quiet=quiet, clock=lambda: now[0])
    with display.stage("training") as progress:
        for second in range(1, seconds + 1):
            now[0] = second
            progress(second, seconds, f"epoch {second}" if second > 50 else None)


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    run(quiet=False, seconds=70)
    assert capsys.readouterr().err == "training: 30 of 70\nepoch 60: 60 of 70\n"


@pytest.mark.parametrize(("quiet", "seconds"), [(False, 29), (True, 70)])
def test_quick_or_quiet_work_leaves_none(quiet: bool, seconds: int, capsys: pytest.CaptureFixture[str]) -> None:
    run(quiet, seconds)
    assert capsys.readouterr().err == ""
