"""The policy decides in MicroPython as on this computer, whose simulator uses the same file."""

from __future__ import annotations

import random

from device.conftest import Device
from freeml_pack.energy.policy import Experience, decide, seconds

SCRIPT = """\
from freeml.policy import decide, seconds
for line in open("cases.txt"):
    values = [None if word == "-" else float(word) for word in line.split()]
    worthwhile = None if values[8] is None else bool(values[8])
    print(decide(*values[:8], worthwhile, *values[9:]), seconds(*values[:1], *values[2:5]))
"""


def test_decisions_are_the_same(device: Device) -> None:
    rng = random.Random(0)
    cases = []
    for _ in range(300):
        energy, to_commit, to_exit = rng.random(), rng.random(), 3 * rng.random()
        watts, income = 0.01 + rng.random(), rng.choice([0.0, rng.random()])
        confidence, time_left = rng.choice([None, rng.random()]), rng.choice([None, 100 * rng.random()])
        worthwhile = rng.choice([None, False, True])
        sleep = rng.choice([0.0, 0.1 * rng.random()]), 10 * rng.random(), rng.random()  # watts, a charge, a restart
        cases.append((energy, to_commit, to_exit, watts, income, confidence, 0.5, time_left, worthwhile, *sleep))
    lines = (" ".join("-" if value is None else repr(float(value)) for value in case) for case in cases)
    (device.folder / "cases.txt").write_text("\n".join(lines) + "\n")
    answers = [line.split() for line in device.output(SCRIPT).splitlines()]
    assert [int(choice) for choice, _ in answers] == [decide(*case) for case in cases]
    assert len({choice for choice, _ in answers}) == 3
    for (_, time), (energy, _, to_exit, watts, income, *_) in zip(answers, cases, strict=True):
        expected = seconds(energy, to_exit, watts, income)
        assert float(time) == expected or abs(float(time) / expected - 1) < 1e-9


EXPERIENCE = """\
from freeml.policy import Experience
experience = Experience([1.0, 2.0, 4.0])
for line in open("answers.txt"):
    number, confidence = line.split()
    print(int(experience.worthwhile(0, float(confidence))))
    experience.answered(int(number), float(confidence))
"""


def test_experience_is_the_same(device: Device) -> None:
    rng = random.Random(1)
    answers = [(rng.choice([0, 0, 0, 1, 2]), rng.random()) for _ in range(200)]
    (device.folder / "answers.txt").write_text("".join(f"{number} {confidence!r}\n" for number, confidence in answers))
    experience, expected = Experience([1.0, 2.0, 4.0]), []
    for number, confidence in answers:
        expected.append(int(experience.worthwhile(0, confidence)))
        experience.answered(number, confidence)
    assert [int(line) for line in device.output(EXPERIENCE).split()] == expected
    assert 0 < sum(expected) < len(expected)
