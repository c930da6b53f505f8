#!/usr/bin/env python3
"""Packs a trained network and runs it in real MicroPython while its power fails hundreds of times.

The process dies in the middle of a nonvolatile write, chosen by a seed; what was not yet durable is torn. A new process
continues on the same memory. Every answer must equal, byte for byte, the one given without power cuts. Writes
build/demo.json; exit status 1 on any mismatch.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import build_device
import get_micropython
import numpy as np
from freeml_pack.engine import Engine
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "digits"
WORK = ROOT / "build" / "demo"
RESULT = ROOT / "build" / "demo.json"
PROGRAM = "many_with_cuts.py"
POWER_CUTS = 400  # about so many
SEED = 1


@dataclass(frozen=True)
class Result:
    """Keys of build/demo.json; accuracies are 0..1."""

    samples: int
    float_accuracy: float  # the PyTorch model, on this computer
    int8_accuracy: float  # the blob, in the C core on this computer
    device_accuracy: float  # the blob, in MicroPython, through all power cuts
    power_cuts: int
    mismatches: int  # answers that differ from the ones without power cuts
    blob_bytes: int
    seconds: float


@dataclass(frozen=True)
class Packed:
    blob: bytes
    report: dict[str, float]
    samples: np.ndarray  # uint8 [N, sample bytes]
    labels: np.ndarray  # [N]


class DemoError(Exception):
    """One sentence."""


def pack() -> Packed:
    """Runs freeml-pack as a user does."""
    data, blob, report = WORK / "digits.npz", WORK / "device" / "model.fml", WORK / "pack.json"
    _check(subprocess.run([sys.executable, EXAMPLE / "data.py", data], stdout=subprocess.DEVNULL))
    command: list[str | Path] = [sys.executable, "-m", "freeml_pack.cli", EXAMPLE / "digits_cnn.pt", "-o", blob]
    _check(subprocess.run([*command, "--data", data, "--scale", "1", "--exits", "none", "--report", report]))
    arrays = np.load(data)
    samples = arrays["x_test"].reshape(len(arrays["x_test"]), -1)
    return Packed(blob.read_bytes(), json.loads(report.read_text()), samples, arrays["y_test"])


def install(device: Path, source: Path) -> None:
    """What one copies to a board: package, native module, program."""
    build_device.build_package(device)
    shutil.copy(build_device.build_native(source), device)
    for path in (ROOT / "device" / "examples").glob("*.py"):
        shutil.copy(path, device)


def boot(program: Path, device: Path, write: int, seed: int, nvm_size: int, folder: str) -> int | None:
    """Runs the device's program until it ends or dies in nonvolatile write number `write` (0: never).
    Writes that it did, None where it died."""
    command = [str(program), PROGRAM, str(write), str(seed), str(nvm_size), folder]
    result = subprocess.run(command, cwd=device, capture_output=True, text=True)
    if result.returncode == -signal.SIGKILL and write:
        return None
    _check(result)
    return int(result.stdout)


def run_with_cuts(program: Path, device: Path, packed: Packed, writes: int, record: int) -> int:
    """Boots again and again until all samples are answered. Number of power cuts."""
    generator = random.Random(SEED)
    answers = device / "cut" / "answers.bin"
    latest = max(16, 2 * writes // POWER_CUTS)  # a cut in an earlier write than this, 16 being enough to make progress
    cuts = 0
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(packed.samples))
        while True:
            write, seed = generator.randint(1, latest), generator.getrandbits(30)
            if boot(program, device, write, seed, int(packed.report["nvm_bytes"]), "cut") is not None:
                return cuts
            cuts += 1
            done = answers.stat().st_size // record
            progress.update(task, completed=done, description=f"answers in MicroPython, {cuts} power cuts")


def demo() -> Result:
    started = time.monotonic()
    micropython = get_micropython.get()
    device = WORK / "device"
    shutil.rmtree(WORK, ignore_errors=True)
    for folder in ("whole", "cut"):
        (device / folder).mkdir(parents=True)
    packed = pack()
    install(device, micropython.source)
    (device / "samples.bin").write_bytes(packed.samples.tobytes())

    expected = Engine(packed.blob).run_batch(packed.samples)
    writes = boot(micropython.program, device, 0, 0, int(packed.report["nvm_bytes"]), "whole")
    assert writes is not None
    cuts = run_with_cuts(micropython.program, device, packed, writes, expected.shape[1])
    whole, cut = (read_answers(device / folder / "answers.bin", expected.shape[1]) for folder in ("whole", "cut"))
    if whole.shape != expected.shape or cut.shape != expected.shape:
        raise DemoError(f"the device gave {len(whole)} and {len(cut)} answers to {len(expected)} samples")
    return Result(
        samples=len(expected),
        float_accuracy=packed.report["float_accuracy"],
        int8_accuracy=accuracy(expected, packed.labels),
        device_accuracy=accuracy(cut, packed.labels),
        power_cuts=cuts,
        mismatches=int(((expected != cut) | (whole != cut)).any(axis=1).sum()),
        blob_bytes=len(packed.blob),
        seconds=round(time.monotonic() - started, 1),
    )


def read_answers(path: Path, record: int) -> np.ndarray:
    """int8 [N, scores]."""
    return np.frombuffer(path.read_bytes(), np.int8).reshape(-1, record)


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    return float((scores.argmax(axis=1) == labels).mean())


def show(result: Result) -> None:
    table = Table("", "", title=f"handwritten digits, {result.samples} test images", show_header=False)
    table.add_row("accuracy in PyTorch, float32", f"{result.float_accuracy:.2%}")
    table.add_row("accuracy of the blob, int8", f"{result.int8_accuracy:.2%}")
    table.add_row("accuracy in MicroPython, power failing", f"{result.device_accuracy:.2%}")
    table.add_row("power cuts survived", str(result.power_cuts))
    table.add_row("answers that a power cut changed", str(result.mismatches))
    table.add_row("blob", f"{result.blob_bytes} bytes")
    table.add_row("time", f"{result.seconds} s")
    Console().print(table)


def _check(result: subprocess.CompletedProcess[str] | subprocess.CompletedProcess[bytes]) -> None:
    if result.returncode != 0:
        program = " ".join(Path(str(word)).name for word in result.args[:3])
        said = result.stderr if isinstance(result.stderr, str) else "see above"
        raise DemoError(f"{program} failed with status {result.returncode}: {said}")


def main() -> int:
    try:
        result = demo()
    except (DemoError, build_device.BuildError, get_micropython.MissingError) as error:
        print(f"demo: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    RESULT.write_text(json.dumps(asdict(result), indent=2) + "\n")
    show(result)
    return 1 if result.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
