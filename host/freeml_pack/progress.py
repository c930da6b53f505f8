"""Progress of long work, shown on stderr where that is a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Update(Protocol):
    """Shows that `done` of `total` is done, and what is being done now where `text` says so."""

    def __call__(self, done: int, total: int, text: str | None = None, /) -> None: ...


class ProgressDisplay:
    """One line per stage, gone when the stage ends."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True)
        self._shown = self._console.is_terminal and not quiet

    @contextmanager
    def stage(self, text: str) -> Iterator[Update]:
        """Shows `text` while the block runs. Yields the function to be called as work proceeds; until then the bar pulses."""
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True, disable=not self._shown) as progress:
            task = progress.add_task(text, total=None)

            def update(done: int, total: int, now: str | None = None) -> None:
                progress.update(task, completed=done, total=total, description=now or text)

            yield update
