"""The command `freeml-pack`."""

from __future__ import annotations

import argparse
import logging
import math
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from freeml_pack import __version__
from freeml_pack.command import FILE_WIDTH, Parser, positive, run_command, seed
from freeml_pack.errors import PackError
from freeml_pack.units import byte_count

_MOST_ELEMENTS = 1 << 26  # of a sample; far beyond any target, and still in this computer's memory

EXAMPLES = """\
examples:
  freeml-pack lenet.pt2 --data mnist.npz              exported program; int8 ranges and accuracy from the data
  freeml-pack lenet.pt2 --data mnist.npz --mean 0.1307 --std 0.3081
                                                      data that the model wants normalised: (x / 255 - mean) / std
  freeml-pack weights.pth --model net.py:LeNet --data mnist.npz
                                                      state_dict: the class is LeNet in net.py
  freeml-pack scripted.pt --input-shape 1,28,28       TorchScript, without data: ranges are guessed, accuracy is not measured
  freeml-pack lenet.pt2 --data mnist.npz --size 8KB --work-dir lenet.work
                                                      trained until the blob is that small; can be interrupted and continued
  freeml-pack lenet.pt2 --data mnist.npz --target msp430fr5994 --report lenet.json
  freeml-pack lenet.pt2 --data mnist.npz --target msp430fr5994 --emit-image lenet.hex
                                                      and firmware with the blob inside; takes clang and lld

The data file is a numpy .npz with x_train, y_train, x_test, y_test: samples as the sensor gives them, integer labels.
exit codes: 0 packed, 2 bad input or a model that does not fit (one line on stderr says what to do), 70 internal error
"""


def _numbers(text: str) -> tuple[float, ...]:
    values = tuple(float(part) for part in text.split(","))
    if not all(math.isfinite(value) for value in values):
        raise ValueError(text)
    return values


def _shape(text: str) -> tuple[int, ...]:
    values = tuple(int(part) for part in text.split(","))
    if min(values) < 1 or math.prod(values) > _MOST_ELEMENTS:
        raise ValueError(text)
    return values


def _exits(text: str) -> str:
    if not text.strip(", "):
        raise ValueError(text)
    return text


def _points(text: str) -> float:
    if not 0 <= float(text) <= 100:
        raise ValueError(text)
    return float(text)


# argparse names the type in its error message.
_numbers.__name__, _shape.__name__ = "list of numbers", "shape"
_points.__name__, byte_count.__name__ = "number of points", "number of bytes"


def make_parser() -> argparse.ArgumentParser:
    from freeml_pack.targets import DEFAULT_TARGET, target_names

    parser = Parser("freeml-pack", "Packs a pre-trained PyTorch model into an int8 blob that survives power cuts.", EXAMPLES)
    add: Callable[..., object] = parser.add_argument
    add("model", metavar="MODEL", type=Path, help="torch.export program, TorchScript, state_dict, safetensors, pickled module")
    add("-o", "--output", metavar="OUT", type=Path, help="blob to write (default: MODEL's name with .fml, in this folder)")
    add("--data", metavar="NPZ", type=Path, help="x_train, y_train, x_test, y_test: for int8 ranges and accuracy")
    add("--model", dest="model_spec", metavar="MODULE:CLASS", help="class of a state_dict: net.py:LeNet, net.py:Net(10), ...")
    add("--input-shape", metavar="C,H,W", type=_shape, help="shape of one sample where neither model nor data tell it")
    add("--allow-pickle", action="store_true", help="load a pickled module; it can run any code, so trust its maker")
    add(
        "--mean",
        metavar="M[,M..]",
        type=_numbers,
        help="subtracted from the scaled data; one or one per channel (--mean=-1,2)",
    )
    add("--std", metavar="S[,S..]", type=_numbers, help="the data is divided by it after that; likewise")
    add(
        "--scale", metavar="F[,F..]", type=_numbers, help="the data is multiplied by it first (default: 1/255 if uint8, else 1)"
    )
    add(
        "--input-range",
        metavar=("LOW", "HIGH"),
        nargs=2,
        type=float,
        help="without --data: what the model's input lies in, mean and std applied (default: about -3 to 3, standardised)",
    )
    add(
        "--exits",
        metavar="WHICH",
        type=_exits,
        help="early exits: auto, none, how many, or names of layers (default: auto with labelled training data)",
    )
    targets = f"{', '.join(target_names())}, or a .toml file (default: %(default)s)"
    add("--target", metavar="NAME", default=DEFAULT_TARGET, help=targets)
    add("--size", metavar="BYTES", type=byte_count, help="compress the model until the blob takes at most so much: 24KB, 9000")
    add("--ram", metavar="BYTES", type=byte_count, help="use at most so much of the device's RAM: 4KB, 6000")
    add(
        "--max-drop",
        metavar="POINTS",
        type=_points,
        help="points of accuracy that compression may cost (default: 1 without --size)",
    )
    add("--epochs", metavar="N", type=positive, help="of training for compression, in all (default: by the number of samples)")
    add(
        "--work-dir", metavar="DIR", type=Path, help="keeps what a search has done, so that it can be interrupted and continued"
    )
    add(
        "--no-compress", dest="compress", action="store_false", help="only round to int8; refuse a model that does not fit then"
    )
    add("--samples", metavar="N", type=positive, help="measure accuracy on at most N test samples (default: all)")
    add(
        "--inferences-per-day",
        metavar="N",
        type=positive,
        default=24 * 60,
        help="for the years until the NVM is worn out (default: %(default)s)",
    )
    add("--seed", metavar="N", type=seed, default=0, help="for choosing samples and for training (default: %(default)s)")
    add("--emit-image", metavar="FILE", type=Path, help="write firmware with the blob inside, too: .elf, or .hex (Intel HEX)")
    add("--report", metavar="JSON", type=Path, help="write all numbers of the table, and more, to a JSON file")
    add("--quiet", action="store_true", help="no progress, no table")
    add("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit code."""
    return run_command("freeml-pack", lambda: _run(make_parser().parse_args(arguments)))


def _run(arguments: argparse.Namespace) -> int:
    from freeml_pack.firmware import check_image, make_image
    from freeml_pack.targets import load_target

    options = vars(arguments)
    output = options.pop("output") or Path(f"{arguments.model.stem}.fml")
    report_path, image_path = options.pop("report"), options.pop("emit_image")
    quiet = options.pop("quiet") or sys.stdout is None
    inferences_per_day = options.pop("inferences_per_day")
    outputs = {"blob": output, "report": report_path, "image": image_path}
    inputs = [arguments.model, *([arguments.data] if arguments.data else [])]
    _check_outputs({name: path for name, path in outputs.items() if path}, inputs)
    if image_path:
        check_image(image_path, load_target(arguments.target))
    _silence_torch()

    from rich.console import Console

    from freeml_pack.files import write_whole
    from freeml_pack.pipeline import PackOptions, pack
    from freeml_pack.progress import ProgressDisplay
    from freeml_pack.report import make_report, print_report, to_json

    result = pack(PackOptions(**options), ProgressDisplay(quiet=quiet))
    report = make_report(result, inferences_per_day)
    if image_path:
        write_whole(image_path, make_image(image_path, result.target, result.blob))
    if report_path:
        write_whole(report_path, to_json(report).encode())
    write_whole(output, result.blob)
    if not quiet:
        print_report(report, Console(width=None if sys.stdout.isatty() else FILE_WIDTH))
        print(f"wrote {output}", *([f"and {image_path}"] if image_path else []), flush=True)
    return 0


def _check_outputs(outputs: dict[str, Path], inputs: list[Path]) -> None:
    """Before minutes of work rather than after them."""
    from freeml_pack.files import check_writable, target_of

    names: dict[Path, str] = {}
    for name, path in outputs.items():
        if (other := names.setdefault(target_of(path), name)) != name:
            raise PackError(f"the {name} and the {other} are the same file {path}; choose another name for one of them")
        check_writable(path, inputs)


def _silence_torch() -> None:
    """Its warnings speak of its own interior; what concerns the user is a PackError."""
    if os.environ.get("FREEML_DEBUG") != "1":
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        warnings.simplefilter("ignore")
        logging.getLogger("torch").setLevel(logging.CRITICAL)


if __name__ == "__main__":
    sys.exit(main())
