"""Progress of long work, shown on stderr: a moving bar on a terminal, elsewhere (in a log) a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_SECONDS = 30.0  # between two lines of a log; work that takes less leaves none


class Update(Protocol):
    """Shows that `done` of `total` is done, and what is being done now where `text` says so."""

    def __call__(self, done: int, total: int, text: str | None = None, /) -> None: ...


class ProgressDisplay:
    """One line per stage, gone when the stage ends; in a log, lines that stay. clock: seconds, for tests."""

    def __init__(self, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = Console(stderr=True)
        self._quiet = quiet
        self._clock = clock
        self._last = clock()  # when something was written

    @contextmanager
    def stage(self, text: str) -> Iterator[Update]:
        """Shows `text` while the block runs. Yields the function to be called as work proceeds; until then the bar pulses."""
        if self._quiet or not self._console.is_terminal:
            yield lambda done, total, now=None: self._log(f"{now or text}: {done} of {total}")
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(text, total=None)

            def update(done: int, total: int, now: str | None = None) -> None:
                progress.update(task, completed=done, total=total, description=now or text)

            yield update

    def _log(self, line: str) -> None:
        now = self._clock()
        if not self._quiet and now - self._last >= _SECONDS:
            self._last = now
            print(line, file=self._console.file, flush=True)
