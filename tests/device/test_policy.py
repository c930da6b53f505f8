"""The policy decides in MicroPython as on this computer, whose simulator uses the same file."""

from __future__ import annotations

import random

from device.conftest import Device
from freeml_pack.energy.policy import decide, seconds

SCRIPT = """\
from freeml.policy import decide, seconds
for line in open("cases.txt"):
    values = [None if word == "-" else float(word) for word in line.split()]
    print(decide(*values), seconds(*values[:1], *values[2:5]))
"""


def test_decisions_are_the_same(device: Device) -> None:
    rng = random.Random(0)
    cases = []
    for _ in range(300):
        energy, to_commit, to_exit = rng.random(), rng.random(), 3 * rng.random()
        watts, income = 0.01 + rng.random(), rng.choice([0.0, rng.random()])
        confidence, time_left = rng.choice([None, rng.random()]), rng.choice([None, 100 * rng.random()])
        cases.append((energy, to_commit, to_exit, watts, income, confidence, 0.5, time_left))
    lines = (" ".join("-" if value is None else repr(value) for value in case) for case in cases)
    (device.folder / "cases.txt").write_text("\n".join(lines) + "\n")
    answers = [line.split() for line in device.output(SCRIPT).splitlines()]
    assert [int(choice) for choice, _ in answers] == [decide(*case) for case in cases]
    assert len({choice for choice, _ in answers}) == 3
    for (_, time), (energy, _, to_exit, watts, income, *_) in zip(answers, cases, strict=True):
        expected = seconds(energy, to_exit, watts, income)
        assert float(time) == expected or abs(float(time) / expected - 1) < 1e-9
