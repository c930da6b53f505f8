#!/usr/bin/env python3
"""An image for an MSP430FR5994 from a blob that is packed already; `freeml-pack --emit-image` makes both at once.

usage: msp430_image.py MODEL.fml [-o FIRMWARE.elf or FIRMWARE.hex] [--target NAME] [--lea] [--verifier]
           [--gcc COMPILER]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from freeml_pack.command import run_command
from freeml_pack.files import check_writable, write_whole
from freeml_pack.firmware import check_image, make_image
from freeml_pack.firmware.toolchain import gcc
from freeml_pack.targets import load_target


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("model", type=Path, help="a blob of freeml-pack")
    parser.add_argument("-o", "--output", type=Path, help="the image, .elf or .hex; default: beside the model, .elf")
    parser.add_argument("--target", default="msp430fr5994", help="as freeml-pack had it; default: %(default)s")
    parser.add_argument("--lea", action="store_true", help="convolutions on the Low-Energy Accelerator")
    parser.add_argument("--verifier", action="store_true", help="the device verifies the blob as this computer does")
    parser.add_argument("--gcc", metavar="COMPILER", help="msp430-elf-gcc in place of clang: a name in PATH, or a path")
    options = parser.parse_args(arguments)
    toolchain = None if options.gcc is None else gcc(options.gcc)
    target = load_target(options.target)
    output = options.output or options.model.with_suffix(".elf")
    check_writable(output, [options.model])
    check_image(output, target, toolchain)
    blob = options.model.read_bytes()
    image = make_image(output, target, blob, lea=options.lea, verifies=options.verifier, toolchain=toolchain)
    write_whole(output, image)
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(run_command("msp430_image", lambda: run(sys.argv[1:])))
