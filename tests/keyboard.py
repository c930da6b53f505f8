"""Ctrl-C for programs under test."""

import signal


def listen() -> None:
    """preexec_fn of a program that shall be interrupted: where the tests run in the background, it would ignore that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
