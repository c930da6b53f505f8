"""Firmware on the simulated device: samples in, answers out."""

from __future__ import annotations

from pathlib import Path

from freeml_pack.firmware import msp430
from sim430 import Image, Sim430, Stop

VERIFYING = 1_000_000_000  # cycles: more than any blob here takes


def check_with_verifier(blob: bytes, common: msp430.Common, folder: Path) -> None:
    """What the device relies on otherwise: the core's verifier, on the device, finds blob and scratch right."""
    path = folder / "verifier.elf"
    msp430.build(blob, path, common, verifies=True)
    machine = Sim430(Image.from_elf(path))
    assert machine.run(cycles=VERIFYING) is Stop.OFF
    assert machine.output == b"no sample\n"


def submit(machine: Sim430, sample: bytes, tag: int) -> None:
    machine.write("mailbox", tag.to_bytes(4, "little") + sample)


def answer(machine: Sim430) -> tuple[int, list[int]]:
    """Tag and scores of the last answer that was sent; a power failure may have cut another one short before it."""
    text = machine.output.decode()
    _, _, last = text.rpartition("answer ")
    assert last.endswith("\n"), text.splitlines()[-1:]
    assert last.count("\n") == 1, last
    tag, scores = last.split(":")
    return int(tag.split()[0]), [int(score) for score in scores.split()]


def exit_of(machine: Sim430) -> int:
    """Number of the early exit that gave the last answer; 0: the whole network."""
    _, _, last = machine.output.decode().rpartition("answer ")
    _, _, number = last.partition(":")[0].partition(" exit ")
    return int(number or 0)
