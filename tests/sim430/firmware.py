"""Firmware on the simulated device: samples in, answers out."""

from __future__ import annotations

from sim430 import Sim430


def submit(machine: Sim430, sample: bytes, tag: int) -> None:
    machine.write("mailbox", tag.to_bytes(4, "little") + sample)


def answer(machine: Sim430) -> tuple[int, list[int]]:
    """Tag and scores of the last line that was sent."""
    line = machine.output.decode().splitlines()[-1]
    assert line.startswith("answer "), line
    tag, scores = line.removeprefix("answer ").split(":")
    return int(tag), [int(score) for score in scores.split()]
