"""The command `freeml-inspect`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from freeml_pack import __version__
from freeml_pack.command import FILE_WIDTH, Parser, run_command
from freeml_pack.errors import PackError

_PROGRAM = "freeml-inspect"
_MOST_BYTES = 1 << 31  # no blob and no NVM image is longer

EXAMPLES = """\
examples:
  freeml-inspect model.fml                            what is in a blob, what it needs; or what is damaged
  freeml-inspect model.nvm                            NVM dumped from a device: both slots of the journal
  freeml-inspect model.nvm --model model.fml          how far the inference is, or its answer; or why it is stuck
  freeml-inspect model.nvm --model model.fml --json   the same for a program (python -m pydoc freeml_pack.inspection.as_json)

exit codes: 0 good, 1 damaged, lost or stuck, 2 not something to inspect (one line on stderr says why), 70 internal error
"""


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(_PROGRAM, "Tells what a blob or a device's NVM image says, and what is wrong with it.", EXAMPLES)
    parser.add_argument("file", metavar="FILE", type=Path, help="blob (.fml), or bytes dumped from a device's NVM")
    parser.add_argument("--model", metavar="MODEL.fml", type=Path, help="the blob that the device with this NVM runs")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit code."""
    return run_command(_PROGRAM, lambda: _run(make_parser().parse_args(arguments)))


def _run(arguments: argparse.Namespace) -> int:
    from freeml_pack.inspection.blob import looks_like_blob
    from freeml_pack.inspection.nvm import looks_like_nvm

    data = _read(arguments.file)
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    if looks_like_blob(data):
        if arguments.model:
            raise PackError(f"{arguments.file} is a blob; --model goes with an NVM image, so leave it out")
        return _blob(arguments, data, console)
    if arguments.model or looks_like_nvm(data):
        return _nvm(arguments, data, console)
    raise PackError(
        f"{arguments.file} is neither a FreeML blob nor an NVM image; name a .fml file or a memory dump, "
        "and with the dump of an overwritten journal --model, too"
    )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise PackError(f"{path} has {path.stat().st_size:,} bytes, too many for FreeML; name a blob or an NVM image")
        data = path.read_bytes()
    except OSError as error:
        raise PackError(f"cannot read {path}: {error.strerror}; name a blob or an NVM image") from error
    if not data:
        raise PackError(f"{path} is empty; copy the blob, or dump the memory, again")
    return data


def _blob(arguments: argparse.Namespace, data: bytes, console: Console) -> int:
    from freeml_pack.inspection.as_json import blob_json
    from freeml_pack.inspection.blob import read_blob
    from freeml_pack.inspection.show import show_blob

    facts, file = read_blob(data), _shown(arguments.file)
    if arguments.json:
        _print_json(blob_json(file, facts), console)
    else:
        show_blob(file, facts, console)
    return 1 if facts.faults else 0


def _nvm(arguments: argparse.Namespace, data: bytes, console: Console) -> int:
    from freeml_pack.inspection.as_json import nvm_json
    from freeml_pack.inspection.nvm import JOURNAL_SIZE, read_journal
    from freeml_pack.inspection.show import show_nvm
    from freeml_pack.inspection.verdict import judge

    network, file = _model(arguments.model) if arguments.model else None, _shown(arguments.file)
    if len(data) < JOURNAL_SIZE:
        raise PackError(f"{file} has {len(data)} bytes, the journal alone has {JOURNAL_SIZE}; dump the whole memory")
    journal = read_journal(data)
    verdict = judge(data, journal, network)
    if arguments.json:
        _print_json(nvm_json(file, len(data), journal, verdict, network), console)
    else:
        show_nvm(file, len(data), journal, verdict, network, console)
    return 0 if verdict.good else 1


def _shown(path: Path) -> str:
    """Its name, with replacements for bytes that are not text."""
    return str(path).encode(errors="replace").decode()


def _model(path: Path) -> Any:
    from freeml_pack.inspection.blob import looks_like_blob, read_blob

    data = _read(path)
    if not looks_like_blob(data):
        raise PackError(f"{path}, given as --model, is not a FreeML blob; name the .fml file that the device runs")
    facts = read_blob(data)
    if facts.faults or facts.network is None:
        raise PackError(f"{path}, given as --model, is damaged; see freeml-inspect {path}")
    return facts.network


def _print_json(content: dict[str, Any], console: Console) -> None:
    console.out(json.dumps(content, indent=2, allow_nan=False), highlight=False)


if __name__ == "__main__":
    sys.exit(main())
