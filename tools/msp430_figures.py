#!/usr/bin/env python3
"""Figures of the MSP430FR5994 firmware in the simulator: code, memories, cycles of layers, commits, recovery, energy.

usage: msp430_figures.py [--failures N] [--every N] [--results] [BLOB ...]

The demo network and an untrained LeNet-5 are packed as a user packs them; single layers are like those of `make kernels`; other
networks are blobs that were packed for the device. Every answer is held to the C core on this computer. Then power fails,
10,000 times while the demo network and each blob run, and at every instruction of a small network's inference. Prints tables,
writes build/msp430.json, with --results docs/results/msp430.json and .md, too; exit status 1 on a wrong answer.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / folder) for folder in ("tests", "tests/sim430", "native/sim430/python")]

import cuts  # noqa: E402
import graphs  # noqa: E402
from firmware import answer, submit  # noqa: E402
from freeml_pack.blob import write_blob  # noqa: E402
from freeml_pack.encodings import is_sparse  # noqa: E402
from freeml_pack.engine import Engine  # noqa: E402
from freeml_pack.firmware import msp430  # noqa: E402
from freeml_pack.graph import Encoding, Window  # noqa: E402
from freeml_pack.inspection.network import read_network  # noqa: E402
from results.msp430_page import page  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from sim430 import SRAM, Cut, Image, Sim430, Stop  # noqa: E402

OUTPUT = ROOT / "build" / "msp430.json"
RESULTS = ROOT / "docs" / "results" / "msp430.json"
EXAMPLE = ROOT / "examples" / "digits"
FOREVER = 2_000_000_000  # cycles: more than any inference here
NANOJOULES = 0.325  # a cycle, FRAM accesses of ordinary code included: 12 cycles take 3.9 nJ (targets/msp430fr5994.toml)
STEP, ANSWER = "fml_interp_step", "fml_session_output"  # functions that are entered before a step, and with the answer
COMMIT = ("commit", "fml_journal_write", "write_slot", "fml_nvm_sync", "fml_crc32")
PAINT = b"\xa5"

# input (channels, height, width), output channels, kernel
LAYERS = {
    "conv 3x3, 16 to 32": ((16, 14, 14), 32, 3),
    "conv 1x1, 64 to 64": ((64, 8, 8), 64, 1),
    "linear, 400 to 40": ((400, 1, 1), 40, 1),
}


@dataclass(frozen=True)
class Layer:
    name: str
    macs: int
    steps: int
    cycles: int  # FRAM waits included
    waits: int

    @property
    def per_mac(self) -> float:
        """Cycles without FRAM waits for each multiply-accumulate."""
        return (self.cycles - self.waits) / self.macs


@dataclass(frozen=True)
class Figures:
    """Bytes and cycles; waits are part of cycles."""

    code_bytes: int  # program and its constants, without the blob
    sram_bytes: int  # stack included
    fram_bytes: int  # program, blob, journal, arena, room for a sample
    cycles: int  # an inference without power failures
    waits: int
    commit_cycles: int  # one, on average
    recovery_cycles: int  # from reset to the first step of an inference under way, at most
    microjoules: float  # an inference
    layers: list[Layer]


def firmware(blob: bytes, common: msp430.Common, folder: Path) -> Sim430:
    """A device with the firmware of a blob, which it has verified."""
    path = folder / "firmware.elf"
    msp430.build(blob, path, common)
    machine = Sim430(Image.from_elf(path))
    machine.run(cycles=FOREVER)
    return machine


def check(machine: Sim430, blob: bytes, sample: bytes, tag: int) -> None:
    expected = [int(score) for score in Engine(blob).run(sample)]
    if answer(machine) != (tag, expected):
        raise SystemExit(f"msp430_figures: wrong answer to sample {tag}: {answer(machine)}, not {expected}")


def steps(machine: Sim430, blob: bytes, sample: bytes) -> list[Layer]:
    """Runs an inference; what the steps of each operator took, commits after them included."""
    layers = []
    submit(machine, sample, 1)
    machine.lose_power()
    machine.run(halt=STEP, cycles=FOREVER)
    ops = read_network(blob).ops
    for op in ops:
        before = machine.counters
        for left in reversed(range(op.steps)):
            machine.run(instructions=1)
            machine.run(halt=ANSWER if op is ops[-1] and left == 0 else STEP, cycles=FOREVER)
        after = machine.counters
        cycles, waits = after.cycles - before.cycles, after.wait_cycles - before.wait_cycles
        layers.append(Layer(op.name, op.macs, op.steps, cycles, waits))
    machine.run(cycles=FOREVER)
    check(machine, blob, sample, 1)
    return layers


def stack_bytes(machine: Sim430) -> int:
    """Bytes of the stack that were written, since the SRAM behind the variables was painted."""
    free = machine.address("sram_end")
    painted = machine.read(free, SRAM.stop - free)
    return len(painted.lstrip(PAINT))


def paint(machine: Sim430) -> None:
    free = machine.address("sram_end")
    machine.write(free, PAINT * (SRAM.stop - free))


def recovery(machine: Sim430, sample: bytes, total: int, cuts: int = 20) -> int:
    """Cycles from reset to the next step, the largest of some, cut all over an inference."""
    most = 0
    for number in range(1, cuts + 1):
        device = machine.clone()
        submit(device, sample, 1)
        device.lose_power()
        device.run(halt=STEP, cycles=FOREVER)
        device.run(cycles=total * number // (cuts + 1))
        device.lose_power(number)
        before = device.counters.cycles
        if device.run(halt=STEP, cycles=FOREVER) is Stop.HALT:
            most = max(most, device.counters.cycles - before)
    return most


def measure(blob: bytes, sample: bytes, common: msp430.Common, folder: Path) -> Figures:
    fresh = firmware(blob, common, folder)
    machine = fresh.clone()
    submit(machine, sample, 1)
    machine.lose_power()
    paint(machine)
    machine.run(halt="fml_session_start", cycles=FOREVER)
    before, costs = machine.counters, machine.functions(COMMIT)
    machine.run(halt=ANSWER, cycles=FOREVER)
    after = machine.counters
    machine.run(cycles=FOREVER)
    check(machine, blob, sample, 1)
    spent = {name: (cost.calls, cost.cycles) for name, cost in machine.functions(COMMIT).items()}
    for name, cost in costs.items():
        spent[name] = (spent[name][0] - cost.calls, spent[name][1] - cost.cycles)
    cycles = after.cycles - before.cycles
    symbols = machine.image.symbols
    end = symbols["fast_stored"] + symbols["fast_size"]
    return Figures(
        code_bytes=symbols["near_blob"] - 0x4000 + symbols["fast_size"] + 2,
        sram_bytes=symbols["sram_end"] - SRAM.start + stack_bytes(machine),
        fram_bytes=end - 0x4000 + 2 + (len(blob) if symbols["far_blob_end"] > msp430.FAR.start else 0),
        cycles=cycles,
        waits=after.wait_cycles - before.wait_cycles,
        commit_cycles=sum(total for _, total in spent.values()) // spent["fml_journal_write"][0],
        recovery_cycles=recovery(fresh, sample, cycles),
        microjoules=round(cycles * NANOJOULES / 1000, 1),
        layers=steps(fresh.clone(), blob, sample),
    )


def single_layer(shape: str, encoding: Encoding, common: msp430.Common, folder: Path) -> Layer:
    """One operator as one step; sparse encodings keep a fifth of the weights, and only those count."""
    inputs, out, kernel = LAYERS[shape]
    b = graphs.Builder(np.random.default_rng(0))
    window = Window((kernel, kernel), padding=(kernel // 2,) * 4)
    graph = b.finish(b.conv(b.quantize(inputs), out, window, encoding=encoding, density=0.2))
    q = graph.ops[1].q
    assert q is not None
    assert q.weight is not None
    kept = int(np.count_nonzero(q.weight)) if is_sparse(encoding) else q.weight.size
    blob = write_blob(graph, graphs.roomy_plan(graph))
    layer = steps(firmware(blob, common, folder), blob, graphs.random_sample(graph))[1]
    return Layer(f"{shape}, {encoding.name}", kept * prod(inputs[1:]), 1, layer.cycles, layer.waits)


def longest_interval(machine: Sim430, sample: bytes) -> int:
    """Cycles from a commit to the end of the next, at most."""
    machine, longest = machine.clone(), 0
    submit(machine, sample, 1)
    machine.lose_power()
    before = machine.counters.cycles
    while machine.run(halt="fml_journal_write", cycles=FOREVER) is Stop.HALT:
        longest = max(longest, machine.counters.cycles - before)
        before = machine.counters.cycles
        machine.run(instructions=1)
    return longest + 10_000


def power_failures(machine: Sim430, blob: bytes, samples: np.ndarray, wanted: int) -> int:
    """Power fails between instructions, before, after and in writes, `wanted` times. Number of answers, all right."""
    rng = random.Random(1)
    machine = machine.clone()
    longest = max(700_000, 2 * longest_interval(machine, samples[0].tobytes()))
    tag, failures = 0, 0
    while failures < wanted:
        sample = samples[tag % len(samples)].tobytes()
        tag += 1
        submit(machine, sample, tag)
        machine.lose_power(tag)
        while True:
            life = rng.randrange(1_000, longest)
            if rng.random() < 0.5:
                machine.cut_at_write(rng.randrange(1, 400), Cut(rng.randrange(len(Cut))), seed=failures)
            if machine.run(cycles=life) is Stop.OFF:
                break
            failures += 1
            machine.lose_power(failures)
        check(machine, blob, sample, tag)
    return tag


def instruction_cuts(common: msp430.Common, folder: Path, every: int) -> int:
    """Power fails before every `every`-th instruction of an inference. Number of answers, all right."""
    graph = cuts.small()
    blob, sample = cuts.blob_of(graph), graphs.random_sample(graph)
    start = cuts.started(firmware(blob, common, folder), sample)
    whole = start.clone()
    whole.run(cycles=FOREVER)
    places = range(0, whole.counters.instructions - start.counters.instructions, every)
    return sum(1 for _ in cuts.survivors(start, blob, sample, places))


def pack(model: Path, blob: Path, *flags: str | Path) -> bytes:
    command = [sys.executable, "-m", "freeml_pack.cli", model, "-o", blob, "--target", "msp430fr5994", *flags]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return blob.read_bytes()


def demo_network(folder: Path) -> tuple[bytes, np.ndarray]:
    """Without early exits: most samples would leave by them, and the figures are for the whole network."""
    data = folder / "digits.npz"
    subprocess.run([sys.executable, EXAMPLE / "data.py", data], check=True, stdout=subprocess.DEVNULL)
    blob = pack(EXAMPLE / "digits_cnn.pt", folder / "digits.fml", "--data", data, "--scale", "1", "--exits", "none")
    return blob, np.load(data)["x_test"]


def lenet5(folder: Path) -> tuple[bytes, np.ndarray]:
    import torch
    import zoo

    torch.manual_seed(0)
    network, shape = zoo.lenet5()
    torch.export.save(torch.export.export(network.eval(), (torch.zeros(1, *shape),)), folder / "lenet5.pt2")
    blob = pack(folder / "lenet5.pt2", folder / "lenet5.fml")
    return blob, np.random.default_rng(0).integers(0, 256, (1, *shape), np.uint8)


def show(console: Console, name: str, figures: Figures) -> None:
    console.print(
        f"[bold]{name}[/]: code {figures.code_bytes:,} bytes, SRAM {figures.sram_bytes:,}, FRAM {figures.fram_bytes:,}; "
        f"an inference {figures.cycles:,} cycles ({figures.waits / figures.cycles:.1%} waits), {figures.microjoules:,} uJ; "
        f"a commit {figures.commit_cycles:,}, recovery {figures.recovery_cycles:,}"
    )
    table(console, figures.layers)


def table(console: Console, layers: list[Layer]) -> None:
    rows = Table("layer", "steps", "MACs", "cycles", "FRAM waits", "cycles/MAC without waits")
    for layer in layers:
        per_mac = f"{layer.per_mac:.2f}" if layer.macs else ""
        rows.add_row(layer.name, str(layer.steps), f"{layer.macs:,}", f"{layer.cycles:,}", f"{layer.waits:,}", per_mac)
    console.print(rows)


def blob_network(path: Path) -> tuple[bytes, np.ndarray]:
    """A blob from a file, and samples: the bytes of its shape, at random."""
    blob = path.read_bytes()
    return blob, np.random.default_rng(0).integers(0, 256, (100, Engine(blob).sample_size), np.uint8)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("blobs", nargs="*", type=Path, metavar="BLOB", help="more networks, packed for the msp430fr5994")
    parser.add_argument("--failures", type=int, default=10_000, help="power failures of each network; default 10,000")
    parser.add_argument(
        "--every", type=int, default=1, help="one of so many instructions of the small network is cut; default 1"
    )
    parser.add_argument("--results", action="store_true", help="write docs/results/msp430.json and .md, too")
    options = parser.parse_args(arguments)
    console = Console(width=130)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        common = msp430.compile_common(folder)
        packed = {"demo network": demo_network(folder), "LeNet-5": lenet5(folder)}
        packed |= {f"{path.parent.name}/{path.name}": blob_network(path) for path in options.blobs}
        networks = {network: measure(blob, samples[0].tobytes(), common, folder) for network, (blob, samples) in packed.items()}
        layers = [single_layer(shape, Encoding.DENSE_8, common, folder) for shape in LAYERS]
        shapes = ("conv 3x3, 16 to 32", "linear, 400 to 40")
        layers += [single_layer(shape, encoding, common, folder) for shape in shapes for encoding in list(Encoding)[1:]]
        for network, figures in networks.items():
            show(console, network, figures)
        console.print("[bold]single layers[/]")
        table(console, layers)
        failures = {}
        for network, (blob, samples) in packed.items():
            if network != "LeNet-5":
                answers = power_failures(firmware(blob, common, folder), blob, samples, options.failures)
                failures[network] = {"failures": options.failures, "answers": answers, "wrong_answers": 0}
        answers = instruction_cuts(common, folder, options.every)
        failures["small network, instruction by instruction"] = {"failures": answers, "answers": answers, "wrong_answers": 0}
        for network, counts in failures.items():
            console.print(f"{network}: {counts['failures']:,} power failures, {counts['answers']:,} answers, all right")
    results: dict[str, Any] = {
        "networks": {network: asdict(figures) for network, figures in networks.items()},
        "layers": [asdict(layer) | {"cycles_per_mac": round(layer.per_mac, 2)} for layer in layers],
        "power_failures": failures,
    }
    text = json.dumps(results, indent=2) + "\n"
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(text)
    if options.results:
        RESULTS.write_text(text)
        RESULTS.with_suffix(".md").write_text(page(results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
