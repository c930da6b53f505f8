"""`freeml-pack` on good input."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from cli.conftest import Kit
from freeml_pack import __version__, targets
from freeml_pack.blob import open_metadata
from freeml_pack.cli import main
from freeml_pack.engine import Engine
from freeml_pack.report import Report


def arguments_of(kit: Kit, format: str) -> list[str]:
    return {
        "torch.export program": [str(kit.exported)],
        "TorchScript": [str(kit.scripted)],
        "state_dict": [str(kit.weights), "--model", f"{kit.source}:Net"],
        "pickled module": [str(kit.pickled), "--allow-pickle"],
    }[format]


@pytest.mark.parametrize("format", ["torch.export program", "TorchScript", "state_dict", "pickled module"])
def test_every_format_packs(kit: Kit, tmp_path: Path, format: str) -> None:
    output, report = tmp_path / "out.fml", tmp_path / "report.json"
    arguments = [*arguments_of(kit, format), "--data", str(kit.data), "-o", str(output), "--report", str(report), "--quiet"]
    assert main(arguments) == 0
    numbers = json.loads(report.read_text())
    assert numbers["format"] == format
    assert numbers["float_accuracy"] == 1.0
    assert numbers["int8_accuracy"] == numbers["agreement"] >= 0.9
    assert sorted(tmp_path.iterdir()) == [output, report]
    assert Engine(output.read_bytes()).output_length == 3


def test_without_data_the_input_range_can_be_told(kit: Kit, tmp_path: Path) -> None:
    output = tmp_path / "out.fml"
    assert main([str(kit.exported), "-o", str(output), "--input-range", "-10", "245", "--quiet"]) == 0
    model = open_metadata(output.read_bytes())
    assert model.InputScale(0) == pytest.approx(1.0)  # int8 steps of 1
    assert model.InputOffset(0) == pytest.approx(-118)  # -10 becomes -128


def test_report_says_what_the_blob_is(kit: Kit, tmp_path: Path) -> None:
    output, path = tmp_path / "out.fml", tmp_path / "report.json"
    assert main([str(kit.exported), "--data", str(kit.data), "-o", str(output), "--report", str(path), "--samples", "20"]) == 0
    report, engine = json.loads(path.read_text()), Engine(output.read_bytes(), streamed=True)
    assert set(report) == set(Report.__annotations__)
    assert report["blob_bytes"] == output.stat().st_size == sum(report["section_bytes"].values())
    assert report["float32_bytes"] == 4 * (8 * 9 + 8 + 128 * 3 + 3)  # batch norm folded
    assert report["compression"] == report["float32_bytes"] / report["blob_bytes"]
    assert report["macs"] == 8 * 8 * 8 * 9 + 128 * 3 == sum(layer["macs"] for layer in report["layers"])
    assert report["arena_bytes"] == engine.arena_size >= report["least_arena_bytes"]
    assert report["scratch_bytes"] == engine.scratch_size
    assert report["peak_ram_bytes"] == report["arena_ram_bytes"] + report["scratch_bytes"] + report["metadata_ram_bytes"]
    assert report["nvm_bytes"] == engine.nvm_size
    assert report["steps"] == sum(engine.op_tiles(op) for op in range(engine.op_count))
    assert report["samples"] == 20
    assert report["target"] == "generic"
    assert (report["costs"]["unit"], report["inferences_until_worn"], report["years_until_worn"]) == ("s", None, None)
    assert [layer["op"] for layer in report["layers"]] == ["quantize", "conv 3x3 + relu + max pool 2x2", "linear"]
    assert report["seconds"] > 0


def test_commits_are_those_that_the_engine_makes(kit: Kit, tmp_path: Path) -> None:
    from freeml_pack.engine import Session

    target = tmp_path / "tiny.toml"
    prices = "between_failures = 8_000\nmac = 1\nelement = 4\nstep = 20\ncommit = 50\nboot = 0\ncheck = 0\n"
    target.write_text(f'description = "x"\nnvm_mapped = true\nstream_bytes = 0\n[time]\n{prices}')
    output, path = tmp_path / "out.fml", tmp_path / "report.json"
    assert main([str(kit.exported), "-o", str(output), "--report", str(path), "--target", str(target), "--quiet"]) == 0
    report, engine = json.loads(path.read_text()), Engine(output.read_bytes())
    session = Session(engine, bytearray(engine.nvm_size))
    session.start(bytes(engine.sample_size), 0)
    steps, commits = session.steps, session.commits
    while not session.step(1):
        pass
    assert session.steps - steps == report["steps"] > 20
    assert session.commits - commits == report["commits"] > 10


def test_the_years_that_nvm_lasts(kit: Kit, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    options = ["--report", str(path), "--target", "rp2040", "--inferences-per-day", "10000", "--quiet"]
    assert main([str(kit.exported), "-o", str(tmp_path / "o.fml"), *options]) == 0
    report = json.loads(path.read_text())
    costs = report["costs"]
    assert costs["commits"] == report["commits"] + 2  # those of the start
    assert report["inferences_until_worn"] == pytest.approx(1e13 / costs["commits"])
    assert report["years_until_worn"] == pytest.approx(1e13 / costs["commits"] / 10_000 / 365.25)
    assert costs["unit"] == "J"
    assert 0 < costs["worst_share"] == costs["worst_interval"] / costs["life"] < 0.8
    assert costs["worst_layers"] in {layer["name"] for layer in report["layers"]} or " to " in costs["worst_layers"]


def test_the_table_is_for_people(kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(kit.exported), "--data", str(kit.data), "-o", str(tmp_path / "o.fml"), "--target", "msp430fr5994"]) == 0
    out, err = capsys.readouterr()
    for text in (
        "conv 3x3 + relu",
        "4x4x8",
        "4,608",
        "peak RAM",
        "float 100.00%",
        "same label for",
        "ms of computing",
        "uJ an inference",
        "replays after power cuts",
        "of a charge of 9.02 mJ",
        "more than 1,000 years at 1,440 a day",
        "wrote",
    ):
        assert text in out
    assert err == ""


def test_without_data_accuracy_is_not_measured(kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    assert main([str(kit.exported), "-o", str(tmp_path / "o.fml"), "--report", str(path)]) == 0
    report = json.loads(path.read_text())
    assert report["float_accuracy"] is report["int8_accuracy"] is report["agreement"] is None
    assert "note: accuracy not measured: no --data" in capsys.readouterr().out


def test_without_labels_agreement_is_measured(kit: Kit, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    arguments = ["--data", str(kit.unlabelled), "-o", str(tmp_path / "o.fml"), "--report", str(path), "--quiet"]
    assert main([str(kit.exported), *arguments]) == 0
    report = json.loads(path.read_text())
    assert report["float_accuracy"] is None
    assert report["agreement"] >= 0.9


def test_the_same_input_gives_the_same_blob(kit: Kit, tmp_path: Path) -> None:
    first, second = tmp_path / "1.fml", tmp_path / "2.fml"
    for output in (first, second):
        assert main([str(kit.exported), "--data", str(kit.data), "-o", str(output), "--quiet"]) == 0
    assert first.read_bytes() == second.read_bytes()


def test_an_old_output_is_replaced(kit: Kit, tmp_path: Path) -> None:
    output = tmp_path / "o.fml"
    output.write_bytes(b"old")
    assert main([str(kit.exported), "-o", str(output), "--quiet"]) == 0
    Engine(output.read_bytes())


def test_normalisation_reaches_both_models(kit: Kit, tmp_path: Path) -> None:
    """Data that was moved and stretched, and options that undo it, give the accuracy of the original data."""
    data, path = dict(np.load(kit.data)), tmp_path / "report.json"
    for part in ("x_train", "x_test"):
        data[part] = data[part].astype(np.int16) * 4 + 100
    np.savez(tmp_path / "moved.npz", **data)
    options = ["--data", str(tmp_path / "moved.npz"), "--mean", "100", "--std", "1020", "--report", str(path), "--quiet"]
    assert main([str(kit.exported), "-o", str(tmp_path / "o.fml"), *options]) == 0
    report = json.loads(path.read_text())
    assert report["float_accuracy"] == 1.0
    assert report["int8_accuracy"] >= 0.9


def test_as_a_command(kit: Kit, tmp_path: Path) -> None:
    """From outside: the default output is in the current folder, nothing but the table is printed."""
    command = [sys.executable, "-m", "freeml_pack.cli", str(kit.exported), "--data", str(kit.data)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["exported.fml"]
    assert "wrote exported.fml" in done.stdout


def test_help_is_quick_and_complete() -> None:
    code = "import sys; from freeml_pack.cli import main\ntry: main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert "examples:" in done.stdout
    for option in ("--data", "--model", "--input-shape", "--allow-pickle", "--target", "--report"):
        assert option in done.stdout


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"freeml-pack {__version__}\n"


NETS = """\
from torch import nn


def signal():
    return nn.Sequential(nn.Conv1d(9, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.Flatten(), nn.Linear(120, 3))


def dense():
    return nn.Sequential(nn.Linear(288, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
"""


@pytest.mark.parametrize("name", ["signal", "dense"])
def test_the_data_tells_the_shape(tmp_path: Path, name: str) -> None:
    """A state_dict says nothing of its input: samples (9, 32) are taken as the network wants them."""
    (tmp_path / "nets.py").write_text(NETS)
    names: dict[str, Callable[[], torch.nn.Module]] = {}
    exec(NETS, names)
    torch.save(names[name]().state_dict(), tmp_path / "weights.pth")
    x = np.random.default_rng(0).integers(-500, 500, (40, 9, 32), np.int16)
    np.savez(tmp_path / "data.npz", x_train=x, x_test=x)
    options = ["--model", f"{tmp_path / 'nets.py'}:{name}", "--data", str(tmp_path / "data.npz"), "--quiet"]
    assert main([str(tmp_path / "weights.pth"), *options, "-o", str(tmp_path / "o.fml")]) == 0
    assert Engine((tmp_path / "o.fml").read_bytes()).sample_size == 9 * 32 * 2


def test_a_limit_for_ram_separates_layers(tmp_path: Path) -> None:
    model = torch.nn.Sequential(
        *(torch.nn.Conv2d(1, 8, 5, padding=2), torch.nn.Tanh(), torch.nn.AvgPool2d(4)),
        *(torch.nn.Flatten(), torch.nn.Linear(8 * 5 * 5, 4)),
    )
    torch.export.save(torch.export.export(model.eval(), (torch.zeros(1, 1, 20, 20),)), tmp_path / "net.pt2")
    reports = []
    for options in ([], ["--ram", "2KB"]):
        path = tmp_path / "report.json"
        output = ["-o", str(tmp_path / "o.fml"), "--report", str(path), "--target", "rp2040", "--quiet"]
        assert main([str(tmp_path / "net.pt2"), *output, *options]) == 0
        reports.append(json.loads(path.read_text()))
    free, limited = reports
    assert free["peak_ram_bytes"] > 3600
    assert limited["peak_ram_bytes"] <= 2048
    assert any("band" in layer["name"] for layer in limited["layers"])


def test_a_small_blob_is_mapped_where_larger_ones_are_streamed(kit: Kit, tmp_path: Path) -> None:
    """As on an MSP430FR5994, where C pointers reach the first 64 KB."""
    target, report = tmp_path / "board.toml", tmp_path / "report.json"
    given = (Path(targets.__file__).parent / "targets" / "msp430fr5994.toml").read_text()
    streams = {}
    for limit in (28_672, 1_000):
        target.write_text(given.replace("mapped_bytes = 32_768", f"mapped_bytes = {limit}"))
        output = ["-o", str(tmp_path / "o.fml"), "--report", str(report), "--target", str(target), "--quiet"]
        assert main([str(kit.exported), *output]) == 0
        sizes = json.loads(report.read_text())
        assert sizes["blob_bytes"] > 1_000
        streams[limit] = sizes["metadata_ram_bytes"]
    assert streams[28_672] == 0 < streams[1_000]


def test_too_little_ram_is_said(kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(kit.exported), "-o", str(tmp_path / "o.fml"), "--target", "rp2040", "--ram", "100"]) == 2
    assert "bytes of RAM" in capsys.readouterr().err
