"""Firmware on the simulated device: samples in, answers out."""

from __future__ import annotations

from sim430 import Sim430


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
