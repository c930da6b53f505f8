"""A MicroPython board behind a serial port, by way of mpremote."""

from __future__ import annotations

import ast
import base64
import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import serial.tools.list_ports
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from freeml_pack.deploy.arch import native_module
from freeml_pack.errors import PackError

_CHUNK = 768  # bytes of a file that are sent at once; base64 makes a kilobyte of them
_ANSWER_SECONDS = 6
_MPY_VERSION, _MPY_SUBVERSION = 6, 3

_FACTS = """
import gc, os, sys
def built_in():
    try:
        import freeml_core
        return not hasattr(freeml_core, "__file__")
    except (ImportError, ValueError, MemoryError):
        return False
def free():
    fs = os.statvfs(os.getcwd())
    return fs[0] * fs[3], fs[0]
what = sys.implementation
facts = built_in(), getattr(what, "_mpy", 0), what.version[:3], getattr(what, "_machine", sys.platform)
gc.collect()
facts += free() + (gc.mem_free(),)
print(repr(facts))
"""

_FILES = """
import os
from binascii import a2b_base64, crc32
def check(path):
    try:
        file = open(path, "rb")
    except OSError:
        return None
    crc, size, buffer = 0, 0, bytearray(256)
    with file:
        count = file.readinto(buffer)
        while count:
            crc, size = crc32(memoryview(buffer)[:count], crc), size + count
            count = file.readinto(buffer)
    return size, crc & 0xffffffff
def make_folders(path):
    for at, letter in enumerate(path):
        if letter == "/" and at:
            try:
                os.mkdir(path[:at])
            except OSError:
                pass
def remove(paths):
    for path in paths:
        try:
            os.remove(path)
        except OSError:
            pass
def put(text):
    data = a2b_base64(text)
    if file.write(data) != len(data):
        raise OSError(28)
"""


@dataclass(frozen=True)
class Facts:
    """What a board says of itself. Sizes in bytes."""

    machine: str
    version: str  # such as MicroPython 1.25.0
    arch: str | None  # of its native modules; None: it loads none
    abi: tuple[int, int]  # of its .mpy files
    has_core: bool  # compiled into the firmware
    flash_free: int
    flash_block: int
    heap_free: int


class Board:
    """An open connection; the board has been reset softly, and runs nothing else meanwhile."""

    def __init__(self, transport: SerialTransport) -> None:
        self._transport = transport
        self._has_files = False

    def facts(self) -> Facts:
        has_core, mpy, version, machine, flash_free, flash_block, heap_free = self.ask(_FACTS)
        return Facts(
            machine=machine,
            version="MicroPython " + ".".join(map(str, version)),
            arch=native_module(mpy),
            abi=(mpy & 0xFF, mpy >> 8 & 3),
            has_core=has_core,
            flash_free=flash_free,
            flash_block=flash_block,
            heap_free=heap_free,
        )

    def check(self, path: str) -> tuple[int, int] | None:
        """Size and CRC-32 of a file as it is on the board; None where there is none."""
        self._define_files()
        found: tuple[int, int] | None = self.ask(f"print(check({path!r}))")
        return found

    def write(self, path: str, content: bytes, progress: Callable[[int], None]) -> None:
        """Writes a file, in folders that are made where they are missing. progress: called with bytes that were sent."""
        self._define_files()
        self.run(f"make_folders({path!r})\nfile = open({path!r}, 'wb')")
        try:
            for at in range(0, len(content), _CHUNK):
                piece = content[at : at + _CHUNK]
                self.run(f"put({base64.b64encode(piece)!r})")
                progress(len(piece))
        except BoardError:
            self.run("file.close()")
            raise
        self.run("file.close()")

    def rename(self, old: str, new: str) -> None:
        """Replaces `new`."""
        self.run(f"os.rename({old!r}, {new!r})")

    def remove(self, paths: Sequence[str]) -> None:
        """Removes files, where there are any."""
        self._define_files()
        self.run(f"remove({list(paths)!r})")

    def ask(self, script: str) -> Any:
        """Runs a script; the Python value that its last line prints."""
        lines = self.run(script).strip().splitlines()
        return ast.literal_eval(lines[-1])

    def run(self, script: str) -> str:
        """What a script prints. BoardError where it ends with an exception."""
        with _as_pack_errors(self._transport.device_name):
            try:
                return str(self._transport.exec(script).decode())
            except TransportExecError as error:
                raise BoardError(error.error_output.strip().splitlines()[-1]) from None

    def _define_files(self) -> None:
        if not self._has_files:
            self.run(_FILES)
            self._has_files = True


class BoardError(Exception):
    """A script on the board ended with an exception; the last line of its traceback."""


def check_abi(facts: Facts) -> None:
    """PackError where the board loads no .mpy files as they are made here."""
    if facts.abi != (_MPY_VERSION, _MPY_SUBVERSION):
        raise PackError(
            f"the board's {facts.version} loads .mpy files of version {facts.abi[0]}.{facts.abi[1]}, FreeML's have "
            f"{_MPY_VERSION}.{_MPY_SUBVERSION}: put MicroPython 1.23 or newer onto it"
        )


@contextmanager
def connect(port: str) -> Iterator[Board]:
    """A connection to the board at a serial port (or socket://HOST:PORT, rfc2217://...). The board is reset softly: what it was
    running ends. PackError where that fails."""
    transport = _open(port)
    try:
        with _as_pack_errors(port):
            _enter(transport, port)
        yield Board(transport)
        with _as_pack_errors(port):
            transport.exit_raw_repl()
    except BoardError as error:
        raise PackError(f"the board failed with {error}; reset it and run this again") from error
    finally:
        with contextlib.suppress(TransportError, OSError):  # a board that is gone
            transport.close()


def _open(port: str) -> SerialTransport:
    try:
        return SerialTransport(port, timeout=_ANSWER_SECONDS)
    except ValueError:
        raise PackError(f"{port} is not a serial port; give one such as /dev/ttyACM0, COM3 or socket://HOST:PORT") from None
    except (TransportError, OSError):
        raise PackError(f"cannot open {port}; is the board plugged in, and no other program using its port?") from None


def _enter(transport: SerialTransport, port: str) -> None:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # mpremote prints what it got before it raises
            transport.enter_raw_repl(timeout_overall=_ANSWER_SECONDS)
    except TransportError:
        raise PackError(
            f"what is at {port} does not answer as MicroPython does; is it a MicroPython board, and does its program let it be "
            "interrupted (press its reset button and try again)?"
        ) from None


def only_port() -> str:
    """The serial port of the only board on USB. PackError where there is none, or several."""
    ports = sorted(found.device for found in serial.tools.list_ports.comports() if found.vid is not None)
    if len(ports) == 1:
        return str(ports[0])
    if not ports:
        raise PackError("no board was found on USB; plug it in, or name its serial port with --port")
    raise PackError(f"several serial ports were found; name the board's with --port: {', '.join(ports)}")


@contextmanager
def _as_pack_errors(port: str) -> Iterator[None]:
    try:
        yield
    except (TransportError, OSError) as error:
        raise PackError(f"the connection to {port} broke off ({error}); plug the board in and run this again") from None
