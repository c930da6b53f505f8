"""freeml-pack, run as a user runs it, and its figures."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import freeml_pack.targets
from freeml_pack.errors import PackError
from freeml_pack.files import write_whole

from results.networks import Network
from results.train import Baseline

PLAIN = "int8"
SRAM, FRAM = 8 * 1024, 256 * 1024  # bytes of the MSP430FR5994


@dataclass(frozen=True)
class Packed:
    """Accuracies are 0..1 of `samples` test samples; ratio: float32_bytes / blob_bytes; peak_ram_bytes and nvm_bytes: on the
    device, besides the blob; seconds: that freeml-pack took."""

    asked: str  # "int8", or how many times smaller than float32
    float32_bytes: int
    float_accuracy: float
    blob_bytes: int
    ratio: float
    accuracy: float
    samples: int
    peak_ram_bytes: int
    nvm_bytes: int
    macs: int
    seconds: float

    @property
    def fits(self) -> bool:
        """Into the memories of an MSP430FR5994, its program not counted."""
        return self.peak_ram_bytes <= SRAM and self.blob_bytes + self.nvm_bytes <= FRAM


def pack_plain(network: Network, trained: Baseline, npz: Path, folder: Path) -> Packed:
    """int8 without compression. For a target that knows no limits: few of the networks fit a small device so."""
    return _pack(network, trained, npz, folder, PLAIN, ["--target", "generic"])


def pack_smaller(
    network: Network, trained: Baseline, npz: Path, folder: Path, plain: Packed, ratio: int, epochs: int
) -> Packed:
    """Compressed to `ratio` times less than float32, by at most `epochs` of retraining."""
    steering = ["--size", str(plain.float32_bytes // ratio), "--epochs", str(epochs), "--seed", str(network.recipe.seed)]
    place = ["--target", str(small_blob_target(folder)), "--work-dir", str(folder / f"work-{ratio}x")]
    return _pack(network, trained, npz, folder, f"{ratio}x", [*steering, *place])


def _pack(network: Network, trained: Baseline, npz: Path, folder: Path, asked: str, options: list[str]) -> Packed:
    """Takes over the figures of an earlier run with the same options."""
    report, figures = folder / f"{asked}.report.json", folder / f"{asked}.json"
    command = [
        "--data",
        str(npz),
        *network.dataset.flags,
        *["--exits", "none"],  # they are measured by exit_results.py
        *options,
        "-o",
        str(folder / f"{asked}.fml"),
        "--report",
        str(report),
    ]
    key = _key(trained, command, folder.parent)
    if figures.exists():
        found = json.loads(figures.read_text())
        if found.pop("key") == key:
            return Packed(**found)
    program = [sys.executable, "-m", "freeml_pack.cli", str(trained.model), *command]
    result = subprocess.run(program, stdout=subprocess.DEVNULL)  # its progress is shown
    if result.returncode:
        raise PackError(
            f"freeml-pack could not pack {network.name} ({asked}), exit code {result.returncode}; "
            "run it again when that is mended, what was done is kept"
        )
    packed = _figures(asked, json.loads(report.read_text()))
    write_whole(figures, json.dumps({"key": key, **asdict(packed)}, indent=1).encode())
    return packed


def _key(trained: Baseline, command: list[str], work: Path) -> str:
    """Of a run: the same wherever the folder of all work lies."""
    options = [option.replace(str(work), "") for option in command]
    return hashlib.sha256(repr((trained.weights.read_bytes(), options)).encode()).hexdigest()[:16]


def _figures(asked: str, report: dict[str, Any]) -> Packed:
    return Packed(
        asked=asked,
        float32_bytes=report["float32_bytes"],
        float_accuracy=report["float_accuracy"],
        blob_bytes=report["blob_bytes"],
        ratio=report["compression"],
        accuracy=report["int8_accuracy"],
        samples=report["samples"],
        peak_ram_bytes=report["peak_ram_bytes"],
        nvm_bytes=report["nvm_bytes"],
        macs=report["macs"],
        seconds=report["seconds"],
    )


def small_blob_target(folder: Path) -> Path:
    """The MSP430FR5994 with its FRAM divided for a small blob and a large arena: the activations of the CIFAR-10 networks do
    not fit into the 64 KB that the built-in target leaves to them."""
    text = Path(freeml_pack.targets.__file__).with_name("targets").joinpath("msp430fr5994.toml").read_text()
    sizes = {"flash_bytes": 64 * 1024, "nvm_bytes": 160 * 1024}
    for name, size in sizes.items():
        text, found = re.subn(rf"^{name} = \S+", f"{name} = {size}", text, flags=re.MULTILINE)
        assert found == 1, name
    path = folder / "msp430fr5994_small_blob.toml"
    write_whole(path, text.encode())
    return path
