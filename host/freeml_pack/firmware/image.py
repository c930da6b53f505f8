"""`freeml-pack --emit-image`: what is programmed into a device, the blob inside."""

from __future__ import annotations

import tempfile
from pathlib import Path

from freeml_pack.errors import PackError
from freeml_pack.firmware import msp430
from freeml_pack.firmware.hex import intel_hex, loaded
from freeml_pack.firmware.toolchain import Toolchain, found
from freeml_pack.targets import Target

_BUILDERS = {msp430.NAME: msp430}
_SUFFIXES = (".elf", ".hex")


def check_image(path: Path, target: Target, toolchain: Toolchain | None = None) -> None:
    """Before minutes of work: PackError where no image of that name can be made for the target."""
    if path.suffix not in _SUFFIXES:
        raise PackError(f"the image {path} must be a file .elf or .hex (Intel HEX); name it {path.with_suffix('.elf')}")
    if target.firmware not in _BUILDERS:
        known = ", ".join(_BUILDERS)
        raise PackError(f"there is no firmware for the target {target.name}; use --emit-image with --target {known}")
    if toolchain is None:
        found()


def make_image(
    path: Path,
    target: Target,
    blob: bytes,
    *,
    lea: bool = False,
    verifies: bool = False,
    toolchain: Toolchain | None = None,
) -> bytes:
    """Contents of the file `path`, whose name says in which format. lea: with the accelerator of an MSP430FR5994;
    verifies: with the core's verifier, else the device relies on this computer's; toolchain: default the one that is found.
    PackError where the blob does not fit the device."""
    assert target.firmware is not None  # check_image
    builder = _BUILDERS[target.firmware]
    with tempfile.TemporaryDirectory() as folder:
        elf = Path(folder) / "firmware.elf"
        common = builder.compile_common(Path(folder), lea=lea, toolchain=toolchain)
        builder.build(blob, elf, common, target, verifies=verifies)
        content = elf.read_bytes()
    return content if path.suffix == ".elf" else intel_hex(loaded(content)).encode()
