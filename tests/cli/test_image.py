"""`freeml-pack --emit-image`: the image runs in the simulator and answers as the engine does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import freeml_pack
import numpy as np
import pytest
import torch
from cli.conftest import Kit
from firmware import answer, submit
from freeml_pack.cli import main
from freeml_pack.engine import Engine
from freeml_pack.errors import PackError
from freeml_pack.firmware import msp430
from freeml_pack.firmware.hex import intel_hex, loaded
from freeml_pack.firmware.toolchain import found
from sim430 import Image, Sim430

ROOT = Path(__file__).resolve().parents[2]
LIFE = 100_000_000  # cycles
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _tools() -> None:
    try:
        found()
    except PackError as error:
        pytest.skip(str(error))


def pack(folder: Path, model: Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "freeml_pack.cli", model, "-o", folder / "net.fml", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1", **environment})


def read_back(hexadecimal: Path, elf: Path) -> dict[int, bytes]:
    """What binutils finds in a HEX file where the ELF file has something."""
    binary = hexadecimal.with_suffix(".bin")
    subprocess.run(["objcopy", "-I", "ihex", "-O", "binary", "--gap-fill", "0", hexadecimal, binary], check=True)
    content, segments = binary.read_bytes(), dict(loaded(elf.read_bytes()))
    first = min(segments)
    return {at: content[at - first : at - first + len(data)] for at, data in segments.items()}


def check(elf: Path, blob: bytes, sample: np.ndarray) -> None:
    machine = Sim430(Image.from_elf(elf))
    submit(machine, sample.tobytes(), 5)
    machine.run(cycles=LIFE)
    assert answer(machine) == (5, [int(score) for score in Engine(blob).run(sample.tobytes())])


def test_image_answers(kit: Kit, tmp_path: Path) -> None:
    for name in ("net.elf", "net.hex"):
        run = pack(tmp_path, kit.exported, "--target", "msp430fr5994", "--emit-image", tmp_path / name)
        assert run.returncode == 0, run.stderr
        assert run.stdout.splitlines()[-1] == f"wrote {tmp_path / 'net.fml'} and {tmp_path / name}"
    elf, blob = tmp_path / "net.elf", (tmp_path / "net.fml").read_bytes()
    check(elf, blob, np.load(kit.data)["x_test"][0])
    assert read_back(tmp_path / "net.hex", elf) == dict(loaded(elf.read_bytes()))


def test_image_of_a_blob_beyond_64_kb(tmp_path: Path) -> None:
    """Larger than what C pointers reach, and than the FRAM from there to a border of 64 KB."""
    torch.manual_seed(1)
    model, elf = tmp_path / "net.pt2", tmp_path / "net.elf"
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(900, 150), torch.nn.ReLU(), torch.nn.Linear(150, 4))
    torch.export.save(torch.export.export(network.eval(), (torch.zeros(1, 1, 30, 30),)), model)
    for image in (elf, elf.with_suffix(".hex")):
        run = pack(tmp_path, model, "--target", "msp430fr5994", "--emit-image", image)
        assert run.returncode == 0, run.stderr
    blob = (tmp_path / "net.fml").read_bytes()
    assert len(blob) > 2 * 65_536
    assert max(at + len(data) for at, data in loaded(elf.read_bytes())) == msp430.FAR.start + len(blob)
    check(elf, blob, np.random.default_rng(1).integers(0, 256, (1, 30, 30), np.uint8))
    assert read_back(elf.with_suffix(".hex"), elf) == dict(loaded(elf.read_bytes()))


def test_hex_reaches_beyond_64_kb(tmp_path: Path) -> None:
    data = bytes(range(250))
    file, binary = tmp_path / "x.hex", tmp_path / "x.bin"
    file.write_text(intel_hex([(0xFFA7, data), (0x2FFF5, data)]))
    subprocess.run(["objcopy", "-I", "ihex", "-O", "binary", "--gap-fill", "0", file, binary], check=True)
    content = binary.read_bytes()
    assert len(content) == 0x2FFF5 - 0xFFA7 + len(data)
    assert (content[: len(data)], content[-len(data) :]) == (data, data)
    assert not any(content[len(data) : -len(data)])


@pytest.mark.parametrize(
    ("image", "target", "message"),
    [
        ("net.bin", "msp430fr5994", "must be a file .elf or .hex"),
        ("net.elf", "stm32l4", "there is no firmware for the target stm32l4; use --emit-image with --target msp430fr5994"),
        ("no clang.elf", "msp430fr5994", "no compiler for MSP430 firmware was found; install clang and lld"),
        ("net.fml", "msp430fr5994", "the image and the blob are the same file"),
    ],
)
def test_what_cannot_be_is_said_first(
    kit: Kit, tmp_path: Path, image: str, target: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    if image.startswith("no clang"):
        monkeypatch.setenv("PATH", "")
    places = ["-o", str(tmp_path / "net.fml"), "--emit-image", str(tmp_path / image)]
    assert main([str(kit.exported), *places, "--target", target]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_network_that_does_not_fit_leaves_nothing_behind(tmp_path: Path, capsys: Captured) -> None:
    """The target file promises more memory for the arena than there is below 64 KB."""
    target, model = tmp_path / "mine.toml", tmp_path / "net.pt2"
    text = (Path(freeml_pack.__file__).parent / "targets" / "msp430fr5994.toml").read_text()
    target.write_text(re.sub("nvm_bytes = .*", "nvm_bytes = 200_000", text.replace("5_120", "8_000")))
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(190 * 190, 2)).eval()
    torch.export.save(torch.export.export(network, (torch.zeros(1, 1, 190, 190),)), model)
    places = ["-o", str(tmp_path / "net.fml"), "--emit-image", str(tmp_path / "net.hex")]
    assert main([str(model), *places, "--target", str(target)]) == 2
    assert "the model does not fit the device" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == sorted([target, model])


def test_installed_package_has_the_sources(kit: Kit, tmp_path: Path) -> None:
    library = tmp_path / "library"
    command = [
        sys.executable,
        "setup.py",
        "-q",
        "build",
        "--build-base",
        tmp_path / "build",
        "build_py",
        "--build-lib",
        library,
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [engine] = Path(freeml_pack.__file__).parent.glob("_engine*.so")
    shutil.copy(engine, library / "freeml_pack")
    image = tmp_path / "net.elf"
    run = pack(tmp_path, kit.exported, "--target", "msp430fr5994", "--emit-image", image, PYTHONPATH=str(library))
    assert run.returncode == 0, run.stderr
    where = [sys.executable, "-c", "from freeml_pack.firmware.native import NATIVE; print(NATIVE)"]
    native = subprocess.run(
        where, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(library)}
    ).stdout.strip()
    assert native == str(library / "freeml_pack" / "native")
    check(image, (tmp_path / "net.fml").read_bytes(), np.load(kit.data)["x_test"][1])
