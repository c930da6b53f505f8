"""Whole inferences on the simulated device: the host's bytes, whatever the supply does."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import graphs
import numpy as np
import pytest
from firmware import answer, submit
from freeml_pack.blob import write_blob
from freeml_pack.engine import Engine
from freeml_pack.errors import PackError
from freeml_pack.firmware import msp430
from sim430 import Cut, Image, Sim430, Stop

ROOT = Path(__file__).resolve().parents[2]
LIFE = 100_000_000  # cycles: more than any inference here


def blob_of(name: str) -> tuple[bytes, bytes, list[int]]:
    """Blob, sample, the host's scores."""
    graph = getattr(graphs, name)()
    blob = write_blob(graph, graphs.tight_plan(graph, np.random.default_rng(3)))
    sample = bytes(graphs.random_sample(graph))
    return blob, sample, [int(score) for score in Engine(blob).run(sample)]


def device(blob: bytes, common: msp430.Common, folder: Path) -> Sim430:
    """A device with the firmware of a blob."""
    path = folder / "firmware.elf"
    msp430.build(blob, path, common)
    return Sim430(Image.from_elf(path))


@pytest.fixture(scope="module")
def chain(common: msp430.Common, tmp_path_factory: pytest.TempPathFactory) -> tuple[Sim430, list[int]]:
    """A device with a sample in its mailbox, before power-on; the scores that it has to find."""
    blob, sample, expected = blob_of("chain")
    machine = device(blob, common, tmp_path_factory.mktemp("chain"))
    submit(machine, sample, 7)
    return machine, expected


def test_every_operator(common: msp430.Common, tmp_path: Path) -> None:
    blob, sample, expected = blob_of("every_kind")
    machine = device(blob, common, tmp_path)
    assert machine.run(cycles=LIFE) is Stop.OFF
    assert machine.output == b"no sample\n"
    submit(machine, sample, 41)
    machine.lose_power()
    assert machine.run(cycles=LIFE) is Stop.OFF
    assert answer(machine) == (41, expected)


def test_blob_above_64_kb(common: msp430.Common, tmp_path: Path) -> None:
    """Weights are streamed from where C pointers do not reach."""
    blob, sample, expected = blob_of("every_kind")
    assert msp430.link(blob, common, tmp_path / "far.elf", is_far=True) == ""
    machine = Sim430(Image.from_elf(tmp_path / "far.elf"))
    submit(machine, sample, 1)
    machine.run(cycles=LIFE)
    assert answer(machine) == (1, expected)


def test_damaged_blob_above_64_kb(common: msp430.Common, tmp_path: Path) -> None:
    blob, _, _ = blob_of("every_kind")
    assert msp430.link(blob, common, tmp_path / "far.elf", is_far=True) == ""
    machine = Sim430(Image.from_elf(tmp_path / "far.elf"))
    machine.write(msp430.FAR.start + len(blob) - 1, bytes([blob[-1] ^ 1]))
    machine.run(cycles=LIFE)
    assert machine.output == b"error: blob is damaged; copy it again\n"
    machine.lose_power()
    machine.run(cycles=LIFE)
    assert machine.output.endswith(b"\nerror: blob is damaged; copy it again\n")


def of_resets(machine: Sim430, sample: bytes = b"", tag: int = 0) -> list[int]:
    """Cycles from each of the first resets until the device switches itself off."""
    submit(machine, sample, tag)
    spent = []
    for _ in range(3):
        before = machine.counters.cycles
        assert machine.run(cycles=LIFE) is Stop.OFF
        spent.append(machine.counters.cycles - before)
        machine.lose_power()
    return spent


@pytest.mark.parametrize("is_far", [False, True])
def test_only_the_first_reset_verifies_the_blob(is_far: bool, of_clang: msp430.Common, tmp_path: Path) -> None:
    blob, sample, expected = blob_of("every_kind")
    assert msp430.link(blob, of_clang, tmp_path / "firmware.elf", is_far, verifies=True) == ""
    machine = Sim430(Image.from_elf(tmp_path / "firmware.elf"))
    spent = of_resets(machine)
    assert max(spent[1:]) < 10_000
    assert spent[0] > 5 * max(spent[1:])
    submit(machine, sample, 8)
    machine.run(cycles=LIFE)
    assert answer(machine) == (8, expected)


def test_only_the_first_reset_reads_the_blob(of_clang: msp430.Common, chain: tuple[Sim430, list[int]]) -> None:
    """Where it lies below 64 KB: 4 cycles a byte."""
    del of_clang
    blob, _, _ = blob_of("chain")
    spent = of_resets(chain[0].clone())
    assert max(spent[1:]) < 5_000
    assert 2 * len(blob) < spent[0] - max(spent[1:]) < 4 * len(blob)


@pytest.mark.parametrize("verifies", [False, True])
def test_bytes_that_did_not_arrive(verifies: bool, common: msp430.Common, tmp_path: Path) -> None:
    blob, sample, expected = blob_of("chain")
    assert msp430.link(blob, common, tmp_path / "firmware.elf", is_far=False, verifies=verifies) == ""
    machine = Sim430(Image.from_elf(tmp_path / "firmware.elf"))
    submit(machine, sample, 2)
    at = machine.address("near_blob") + len(blob) // 2
    [byte] = machine.read(at, 1)
    machine.write(at, bytes([byte ^ 1]))
    machine.run(cycles=LIFE)
    assert machine.output == b"error: blob is damaged; copy it again\n"
    machine.write(at, bytes([byte]))
    machine.lose_power()
    machine.run(cycles=LIFE)
    assert answer(machine) == (2, expected)


RECOVERY = 12_000  # cycles at most, from the reset to the first step of the inference that was under way


@pytest.mark.parametrize(("name", "is_far"), [("chain", False), ("in_parts", False), ("chain", True)])
def test_recovery_is_short(name: str, is_far: bool, of_clang: msp430.Common, tmp_path: Path) -> None:
    """Wherever the power failed, and with the boot counted in the journal. FRAM waits are part of it."""
    blob, sample, expected = blob_of(name)
    assert msp430.link(blob, of_clang, tmp_path / "firmware.elf", is_far) == ""
    start = Sim430(Image.from_elf(tmp_path / "firmware.elf"))
    submit(start, sample, 3)
    assert start.run(cycles=LIFE, halt="fml_interp_step") is Stop.HALT
    whole = start.clone()
    whole.run(cycles=LIFE)
    inference = whole.counters.instructions - start.counters.instructions
    spent = []
    for share in (0.0, 0.3, 0.6, 0.9):
        machine = start.clone()
        machine.run(instructions=int(inference * share))
        machine.lose_power()
        before = machine.counters.cycles
        assert machine.run(cycles=LIFE, halt="fml_interp_step") is Stop.HALT
        spent.append(machine.counters.cycles - before)
        assert machine.run(cycles=LIFE) is Stop.OFF
        assert answer(machine) == (3, expected)
    assert max(spent) <= RECOVERY, spent
    print(f"{name}{' above 64 KB' if is_far else ''}: recovery {max(spent):,} cycles")


def test_one_sample_after_the_other(chain: tuple[Sim430, list[int]]) -> None:
    machine, expected = chain[0].clone(), chain[1]
    sample = machine.read(machine.address("mailbox") + 4, len(blob_of("chain")[1]))
    machine.run(cycles=LIFE)
    assert answer(machine) == (7, expected)
    instructions = machine.counters.instructions
    machine.lose_power()
    machine.run(cycles=LIFE)
    assert answer(machine) == (7, expected)
    assert machine.counters.instructions - instructions < instructions / 2  # found in the journal
    other = bytes(reversed(sample))
    submit(machine, other, 8)
    machine.lose_power()
    machine.run(cycles=LIFE)
    assert answer(machine) == (8, [int(score) for score in Engine(blob_of("chain")[0]).run(other)])


@pytest.mark.parametrize("how", Cut)
def test_power_fails_in_writes(chain: tuple[Sim430, list[int]], how: Cut) -> None:
    """One cut somewhere in the inference, a second one soon after it comes back. The message of a failure names both."""
    start, expected = chain
    whole = start.clone()
    whole.run(cycles=LIFE)
    writes = whole.counters.fram.writes
    rng = random.Random(how)
    for first in [*range(1, 20), *sorted(rng.sample(range(20, writes + 1), 20))]:
        machine = start.clone()
        machine.cut_at_write(first, how, seed=first)
        assert machine.run(cycles=LIFE) is Stop.CUT
        machine.lose_power(first)
        second = rng.randrange(1, 400)
        machine.cut_at_write(second, how, seed=second)
        if machine.run(cycles=LIFE) is Stop.CUT:
            machine.lose_power(second)
            assert machine.run(cycles=LIFE) is Stop.OFF
        assert answer(machine) == (7, expected), f"cut at write {first}, then {second}, {how.name}"


def test_many_short_lives(chain: tuple[Sim430, list[int]]) -> None:
    """Power comes and goes between any two instructions; lives are a little longer than start-up, and grow so that it ends."""
    machine, expected = chain[0].clone(), chain[1]
    whole = machine.clone()
    whole.run(cycles=LIFE)
    inference = whole.counters.instructions
    whole.lose_power()
    whole.run(cycles=LIFE)
    startup = whole.counters.instructions - inference  # with the answer found
    rng = random.Random(5)
    for life in range(1, 200):
        if machine.run(instructions=startup + rng.randrange(-startup // 4, inference * life // 80)) is Stop.OFF:
            break
        machine.lose_power(life)
    assert answer(machine) == (7, expected)
    assert life > 5


def test_command(common: msp430.Common, tmp_path: Path) -> None:
    blob, sample, expected = blob_of("chain")
    model = tmp_path / "model.fml"
    model.write_bytes(blob)
    command = [sys.executable, str(ROOT / "tools" / "msp430_image.py"), str(model)]
    run = subprocess.run([*command, "--verifier"], capture_output=True, text=True)
    verifies = Image.from_elf(tmp_path / "model.elf")
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, str(tmp_path / "model.elf")), run.stderr
    machine = Sim430(Image.from_elf(tmp_path / "model.elf"))
    assert machine.address("near_blob") < verifies.symbols["near_blob"] - 5_000  # program without the verifier
    submit(machine, sample, 3)
    machine.run(text="\n", cycles=LIFE)
    assert answer(machine) == (3, expected)
    model.write_bytes(blob[:-1])
    (tmp_path / "model.elf").unlink()
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, list(tmp_path.iterdir())) == (2, [model])
    assert run.stderr.startswith("msp430_image: error: not a usable model: blob is not as long as it says; ")


@pytest.mark.parametrize("compiler", ["no-such-program", sys.executable])
def test_a_compiler_for_another_processor_is_refused(compiler: str, tmp_path: Path) -> None:
    model = tmp_path / "model.fml"
    model.write_bytes(blob_of("chain")[0])
    command = [sys.executable, str(ROOT / "tools" / "msp430_image.py"), str(model), "--gcc", compiler]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, list(tmp_path.iterdir())) == (2, [model])
    assert run.stderr.startswith(f"msp430_image: error: {compiler} is no GCC for an MSP430; name msp430-elf-gcc")
    assert run.stderr.count("\n") == 1


def test_what_does_not_fit_is_refused(common: msp430.Common, tmp_path: Path) -> None:
    b = graphs.Builder(np.random.default_rng(1))
    graph = b.finish(b.linear(b.flatten(b.quantize((1, 30, 30))), 300))
    blob = write_blob(graph, graphs.roomy_plan(graph, np.random.default_rng(3)))
    with pytest.raises(PackError, match="does not fit the device"):
        msp430.build(blob, tmp_path / "x.elf", common)
