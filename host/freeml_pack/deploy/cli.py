"""The command `freeml-deploy`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from freeml_pack import __version__
from freeml_pack.command import FILE_WIDTH, Parser, run_command
from freeml_pack.deploy import romfs
from freeml_pack.deploy.board import Board, Facts, check_abi, connect, only_port
from freeml_pack.deploy.install import Answer, answer, check_space, differing, install, open_model, remove_leftovers
from freeml_pack.deploy.modules import NATIVE, find
from freeml_pack.energy.workload import Samples, load_samples
from freeml_pack.engine import Engine, EngineError
from freeml_pack.errors import Interrupted, PackError
from freeml_pack.progress import ProgressDisplay

_PROGRAM = "freeml-deploy"
_MOST_ANSWERS = 10
_LIB = "lib/"

EXAMPLES = """\
examples:
  freeml-deploy model.fml                                         to the only board on USB
  freeml-deploy model.fml --port /dev/ttyACM0 --data data.npz     and compare its answers to test samples with this computer's
  freeml-deploy model.fml --romfs                                 where the firmware has a ROMFS, which gets no other files
  freeml-deploy model.fml --port COM3 --modules device            with the files that tools/build_device.py made in device

Copies the package freeml, the native module for the board's processor and the blob, checks them by CRC-32 on the board, opens
the model there. Files that the board has already are not copied again; one that cannot be copied whole leaves the old one.
exit codes: 0 the model works on the board, 1 it gave other bytes than this computer, 2 bad input or no board (one line on
stderr says what to do), 70 internal error
"""


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(_PROGRAM, "Puts a packed model and what it needs onto a MicroPython board.", EXAMPLES)
    parser.add_argument("model", metavar="MODEL.fml", type=Path, help="the packed model; the board's file gets the same name")
    parser.add_argument("--port", help="serial port of the board, socket://HOST:PORT, ...; default: the only one on USB")
    add = parser.add_argument
    add("--data", metavar="DATA.npz", help=f"the model's data: up to {_MOST_ANSWERS} test samples are answered")
    add("--romfs", action="store_true", help="into the ROMFS, written anew: the blob is used where it lies")
    add("--modules", metavar="FOLDER", type=Path, help="what tools/build_device.py made; default: it does it now")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit code."""
    return run_command(_PROGRAM, lambda: _run(make_parser().parse_args(arguments)))


def _run(options: argparse.Namespace) -> int:
    from freeml_pack.inspection.blob import read_blob

    blob = _read(options.model)
    try:
        engine = Engine(blob)
    except EngineError as error:
        raise PackError(f"{options.model} is not a good FreeML blob ({error}); see freeml-inspect {options.model}") from error
    network = read_blob(blob).network
    assert network
    samples = load_samples(options.data, blob, network) if options.data else None
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH, highlight=False)
    port = options.port or only_port()
    with connect(port) as board:
        facts = board.facts()
        _show_board(console, facts)
        files = _files(facts, options, blob)
        if options.romfs:
            romfs.check_fits(board, romfs.image(files))
        else:
            _install(board, files, console)
    if options.romfs:
        _install_romfs(port, files, console)
    with connect(port) as board:
        answers = _try(board, options, engine, samples, console)
    for number, given in enumerate(answers):
        label = samples.truth(number) if samples else None
        truth = f", label in the data {label}" if label is not None else ""
        verdict = "the same bytes as on this computer" if given.same else "OTHER BYTES than on this computer"
        console.print(f"sample {number}: label {given.label}{truth}; {verdict}, {given.milliseconds} ms", markup=False)
    return 0 if all(given.same for given in answers) else 1


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PackError(f"cannot read {path}: {error.strerror}; name a .fml file that freeml-pack wrote") from error


def _show_board(console: Console, facts: Facts) -> None:
    native = "freeml_core is in its firmware" if facts.has_core else f"native modules for {facts.arch}"
    console.print(f"board  {facts.machine}, {facts.version}; {native}", markup=False)


def _files(facts: Facts, options: argparse.Namespace, blob: bytes) -> dict[str, bytes]:
    """What the board needs, content by path."""
    if not facts.has_core and facts.arch is None:
        raise PackError(
            "the board's firmware loads no native modules: build it with the C module native/ports/micropython (USER_C_MODULES)"
        )
    check_abi(facts)
    modules = find(options.modules, None if facts.has_core else facts.arch)
    return {_LIB + name: content for name, content in modules.items()} | {options.model.name: blob}


def _install(board: Board, files: dict[str, bytes], console: Console) -> None:
    remove_leftovers(board, files)
    new = differing(board, files)
    check_space(board.facts(), new)
    total, done = sum(map(len, new.values())), 0
    with ProgressDisplay().stage("copying") as update:

        def progress(count: int, name: str) -> None:
            nonlocal done
            done += count
            update(done, total, f"copying {name}")

        try:
            install(board, new, progress)
        except KeyboardInterrupt:
            raise Interrupted("interrupted; each file on the board is the old one or the new one, run this again") from None
    copied = f"{len(new)} files copied, {total:,} bytes" if new else "nothing to copy"
    _show_files(console, files, f"{copied}, all checked")


def _install_romfs(port: str, files: dict[str, bytes], console: Console) -> None:
    try:
        with ProgressDisplay().stage("writing the ROMFS"):
            romfs.write(port, romfs.image(files))
    except KeyboardInterrupt:
        raise Interrupted("interrupted; the board's ROMFS is not whole, run this again") from None
    with connect(port) as board:
        if differing(board, {romfs.MOUNT + path: content for path, content in files.items()}):
            raise PackError("the ROMFS arrived damaged; check the cable and run this again")
    _show_files(console, files, "all in ROMFS, checked")


def _try(board: Board, options: argparse.Namespace, engine: Engine, samples: Samples | None, console: Console) -> list[Answer]:
    """Opens the model on the board, and lets it answer for some samples."""
    fit = open_model(board, romfs.MOUNT + options.model.name if options.romfs else options.model.name)
    console.print(f"RAM    {fit.model:,} bytes for the model, {fit.left:,} of the heap are left", markup=False)
    console.print(f"flash  {board.facts().flash_free:,} bytes are left", markup=False)
    return [answer(board, engine, sample) for sample in samples.bytes[:_MOST_ANSWERS]] if samples else []


def _show_files(console: Console, files: dict[str, bytes], verdict: str) -> None:
    model = list(files)[-1]
    sizes = [f"package freeml {_size(files, _LIB + 'freeml')}", f"{model} {len(files[model]):,}"]
    if _LIB + NATIVE in files:
        sizes.insert(1, f"{NATIVE} {len(files[_LIB + NATIVE]):,}")
    console.print(f"files  {', '.join(sizes)} bytes; {verdict}", markup=False)


def _size(files: dict[str, bytes], folder: str) -> str:
    return f"{sum(len(content) for path, content in files.items() if path.startswith(folder + '/')):,}"


if __name__ == "__main__":
    sys.exit(main())
