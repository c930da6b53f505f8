"""What all commands have in common: how they read their arguments, how they fail, how wide they print."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from freeml_pack.errors import PackError

EXIT_BAD_INPUT, EXIT_INTERNAL, EXIT_INTERRUPTED = 2, 70, 130
FILE_WIDTH = 120
"""Columns of tables where no terminal says how wide it is."""


class Parser(argparse.ArgumentParser):
    """Whose errors are PackErrors; the epilog is printed as it is."""

    def __init__(self, program: str, description: str, epilog: str) -> None:
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(prog=program, description=description, epilog=epilog, formatter_class=formatter, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise PackError(f"{message}; see {self.prog} --help")


def positive(text: str) -> int:
    """A whole number from 1 on, as a type of argparse, which names it in its message."""
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def seed(text: str) -> int:
    """A whole number from 0 on, likewise."""
    if int(text) < 0:
        raise ValueError(text)
    return int(text)


positive.__name__ = "positive number"


def run_command(program: str, work: Callable[[], int]) -> int:
    """The exit code of `work`, or one line on stderr and the exit code of what went wrong."""
    try:
        return work()
    except KeyboardInterrupt as interrupt:
        return _complain(program, str(interrupt) or "interrupted; nothing was written", EXIT_INTERRUPTED)
    except Exception as error:
        return _explain(program, error)


def _give_up_unwritten() -> None:
    """Where stdout takes no more, what is left of it goes nowhere; else Python tries again at the end, and exits with 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(program: str, error: Exception) -> int:
    """One line on stderr; the exit code."""
    if _follows_interrupt(error):
        return _complain(program, "interrupted; nothing was written", EXIT_INTERRUPTED)
    if isinstance(error, PackError):
        return _complain(program, f"error: {error}", EXIT_BAD_INPUT)
    if isinstance(error, BrokenPipeError):  # whoever reads the table has seen enough; the work is done
        _give_up_unwritten()
        return 0
    if isinstance(error, OSError):
        _give_up_unwritten()
        where = f"{error.filename}: " if error.filename else ""
        text = f"error: {where}{error.strerror or error}; check the path, its permissions and the disk"
        return _complain(program, text, EXIT_BAD_INPUT)
    if isinstance(error, MemoryError):
        text = "error: this computer has too little memory for the model; make its input smaller"
        return _complain(program, text, EXIT_BAD_INPUT)
    if os.environ.get("FREEML_DEBUG") == "1":
        traceback.print_exception(error)
    text = f"internal error: {type(error).__name__}: {error}; please report it (FREEML_DEBUG=1 shows where)"
    return _complain(program, text, EXIT_INTERNAL)


def _follows_interrupt(error: BaseException | None) -> bool:
    """Whether it was raised while Ctrl-C was being handled, as torch does that cleans up after itself."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _complain(program: str, text: str, code: int) -> int:
    """One line on stderr."""
    print(f"{program}:", " ".join(text.split()), file=sys.stderr)
    return code
