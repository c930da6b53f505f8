"""Power fails between any two instructions: around every commit, and anywhere. `make msp430` takes all of an inference."""

from __future__ import annotations

import random
from pathlib import Path

import cuts
import graphs
import pytest
from freeml_pack.firmware import msp430
from sim430 import Image, Sim430


def started(blob: bytes, sample: bytes, common: msp430.Common, folder: Path, is_far: bool = False) -> Sim430:
    assert msp430.link(blob, common, folder / "firmware.elf", is_far) == ""
    return cuts.started(Sim430(Image.from_elf(folder / "firmware.elf")), sample)


def test_every_instruction_around_every_commit(of_clang: msp430.Common, tmp_path: Path) -> None:
    graph = cuts.small()
    blob, sample = cuts.blob_of(graph), graphs.random_sample(graph)
    start = started(blob, sample, of_clang, tmp_path)
    windows = cuts.commits(start)
    places = cuts.around(windows)
    assert len(windows) > 10
    assert len(places) > 8_000
    survivors = [number for number, _ in cuts.survivors(start, blob, sample, places)]
    assert survivors == places


@pytest.mark.parametrize(("name", "is_far"), [("chain", False), ("chain", True), ("in_parts", False)])
def test_random_instructions(name: str, is_far: bool, common: msp430.Common, tmp_path: Path) -> None:
    graph = getattr(graphs, name)()
    blob, sample = cuts.blob_of(graph), graphs.random_sample(graph)
    start = started(blob, sample, common, tmp_path, is_far)
    whole = start.clone()
    whole.run(cycles=cuts.LIFE)
    total = whole.counters.instructions - start.counters.instructions
    places = sorted(random.Random(1).sample(range(total), 500))
    assert sum(1 for _ in cuts.survivors(start, blob, sample, places)) == 500
