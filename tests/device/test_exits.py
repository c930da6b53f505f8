"""Early exits in the real MicroPython: answers, confidence, and what thresholds and energy make of them."""

from __future__ import annotations

import json

import graphs
import numpy as np
import pytest
from device.conftest import Device
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine, Session
from freeml_pack.exits.calibrate import probabilities
from freeml_pack.exits.thresholds import margins

pytestmark = pytest.mark.xdist_group("device")
GRAPH = graphs.with_exits()
NEVER = 255


@pytest.fixture
def exits(device: Device) -> Engine:
    engine = Engine(write_blob(GRAPH, graphs.tight_plan(GRAPH, np.random.default_rng(3))))
    (device.folder / "model.fml").write_bytes(engine.blob)
    (device.folder / "sample.bin").write_bytes(graphs.random_sample(GRAPH))
    return engine


def expected_scores(engine: Engine) -> np.ndarray:
    """int8 [exits + 1, scores]"""
    return engine.run_exits(np.frombuffer(graphs.random_sample(GRAPH), np.uint8)[None])[0]


def test_an_exit_at_every_step(device: Device, exits: Engine) -> None:
    """With a reset after the exit, on memory behind calls, the blob streamed."""
    script = """
from freeml import Model
sample = open("sample.bin", "rb").read()
model = Model("model.fml", nvm="model.nvm")
print(model.exits, model.thresholds)
for steps in range(1, 10000, 7):
    model.start(sample, tag=steps)
    if model.step(steps):
        break
    early = model.exit_now()
    if early is None:
        print(0, model.pending)
        model.cancel()
        continue
    model = Model("model.fml", nvm="model.nvm")
    assert model.tag == steps and model.resume() == early == model.exit_now()
    print(early.exit, bytes(model.output()).hex(), early.confidence, early.label)
"""
    first, *lines = device.output(script).splitlines()
    assert first == "3 [0, 20, 40]"
    expected = expected_scores(exits)
    seen = set()
    for line in lines:
        number, *rest = line.split()
        seen.add(int(number))
        if number == "0":
            assert rest == ["True"]
            continue
        scores = expected[int(number) - 1]
        assert (rest[0], int(rest[2])) == (scores.tobytes().hex(), scores.argmax())
        assert float(rest[1]) == pytest.approx(probabilities(scores, exits.exits[int(number) - 1].temperature).max(), rel=1e-5)
    assert seen == {0, 1, 2, 3}


def test_thresholds(device: Device, exits: Engine) -> None:
    """An inference ends at the first exit that is sure enough."""
    gaps = [int(gap) for gap in margins(expected_scores(exits))[:-1]]
    trials = [[NEVER] * 3]
    for number, gap in enumerate(gaps):
        trials.append([NEVER if i != number else gap for i in range(3)])
        trials.append([NEVER if i != number else gap + 1 for i in range(3)])
    script = f"""
import json
from freeml import Model
sample = open("sample.bin", "rb").read()
model = Model("model.fml")
for thresholds in {trials}:
    model.thresholds = thresholds
    model.start(sample)
    while not model.step(1) and not (model.exit_now() if model._decide() == 1 else None):
        pass
    print(model.prediction().exit)
    print(model.infer(sample).exit)
"""
    lines = [int(line) for line in device.output(script).splitlines()]
    assert lines[0::2] == [0, 1, 0, 2, 0, 3, 0]
    assert all(whole in (0, *range(wanted, 4)) for wanted, whole in zip(lines[0::2], lines[1::2], strict=True))


def test_an_exit_answers_where_energy_does_not_last_for_the_next_answer(device: Device, exits: Engine) -> None:
    """A capacitor that is charged for a step more than it takes to the second exit, and for a step less."""
    session = Session(exits, bytearray(exits.nvm_size))
    session.start(graphs.random_sample(GRAPH))
    to_first = session.to_answer
    while session.exits < 1:
        session.step(1)
    to_second = to_first + session.to_answer
    script = f"""
from freeml import Model
from freeml.energy import CapacitorEnergy
sample = open("sample.bin", "rb").read()
for charge in ({to_second + 1}, {to_second - 1}):
    model = Model("model.fml")
    model.thresholds = [255, 255, 255]
    model.start(sample)
    total = model.remaining
    volts = lambda: (2 * (charge - total + model.remaining) + 0.5) ** 0.5
    model._energy = CapacitorEnergy(volts, 1.0, 0.0, 1.0)  # a farad, at a joule a step
    print(model.resume().exit)
"""
    assert device.output(script).split() == ["2", "1"]


def test_an_exit_answers_where_the_next_answer_would_be_late(device: Device, exits: Engine) -> None:
    """A clock that goes on by a second with each slice of steps, and deadlines around what the whole inference takes."""
    script = """
import freeml.model
from freeml import Model
now = 0
def clock():
    global now
    now += 1000
    return now
freeml.model.ticks_ms = clock
sample = open("sample.bin", "rb").read()
model = Model("model.fml")
model.thresholds = [255, 255, 255]
model.start(sample)
slices = 0
while not model.step(8):
    slices += 1
model.cancel()
for deadline in (None, 0, 1000 * slices // 2, 1000 * (slices + 3)):
    now = 0
    print(model.infer(sample, deadline_ms=deadline).exit)
    model.start(sample)
    now = 0
    print(model.resume(deadline).exit)
"""
    answers = [int(line) for line in device.output(script).split()]
    whole, at_once, halfway, enough = zip(answers[0::2], answers[1::2], strict=True)
    assert whole == enough == (0, 0)
    assert at_once == (1, 1)
    assert halfway[0] == halfway[1] > 0


def test_when_energy_ends_the_exit_at_hand_answers(device: Device, exits: Engine) -> None:
    script = """
import json
from freeml import Model
from freeml.energy import ScriptedEnergy
sample = open("sample.bin", "rb").read()
for slices in range(0, 60, 3):
    model = Model("model.fml", energy=ScriptedEnergy(slices * [True] + [False]))
    model.thresholds = [255, 255, 255]
    answer = model.infer(sample)
    print(json.dumps([answer.exit, answer.complete, list(model.output()) if answer.complete else None]))
"""
    expected = expected_scores(exits)
    seen = []
    for line in device.output(script).splitlines():
        number, complete, scores = json.loads(line)
        seen.append(number)
        assert complete == (scores is not None)
        if complete:
            assert scores == expected[number - 1].tolist()
    assert seen[0] == 0
    assert {1, 2, 3} & set(seen)
