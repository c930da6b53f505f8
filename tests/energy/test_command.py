"""freeml-sim as its users call it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from energy.benches import GRAPHS, PLANS, make_blob
from energy.conftest import Demo
from freeml_pack.data import load_data
from freeml_pack.energy.cli import main
from freeml_pack.engine import Engine

pytestmark = pytest.mark.xdist_group("simulation")  # one packs the demo network for all


def simulate(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "freeml_pack.energy.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def report_of(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def test_the_demo_network_on_a_weak_harvest(demo: Demo, tmp_path: Path) -> None:
    report, picture = tmp_path / "run.json", tmp_path / "run.png"
    result = simulate(
        demo.blob, "--data", demo.data, "--trace", "rf:300uW", "--capacitance", "470uF", "--seconds", "300s",
        "--report", report, "--picture", picture, "--window", "0,20",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    found = report_of(report)
    never, ours = found["rows"]
    assert (never["policy"], ours["policy"]) == ("never", "ours")
    assert ours["answers"] > never["answers"] > 10
    assert never["cuts"] > 20
    assert min(never["accuracy"], ours["accuracy"]) > 0.9
    for number in (f"{never['answers']}", f"{ours['answers']}", "470 uF", "rf:300uW", "on msp430fr5994"):
        assert number in result.stdout
    samples = load_data(demo.data).test
    assert samples is not None
    engine = Engine(demo.blob.read_bytes())
    expected = engine.run_exits(samples.x.astype(np.uint8).reshape(len(samples), -1))
    last = expected.shape[1] - 1
    for run in found["runs"]:
        for answer in run["answers"]:
            depth = last if answer["exit"] is None else answer["exit"]
            assert bytes.fromhex(answer["scores"]) == expected[answer["sample"] % len(samples), depth].tobytes()
            assert answer["truth"] == samples.y[answer["sample"] % len(samples)]  # type: ignore[index]
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size > 20_000


def test_the_same_seed_gives_the_same_figures_whatever_the_number_of_processes(demo: Demo, tmp_path: Path) -> None:
    common = [demo.blob, "--devices", 5, "--seconds", 60, "--capacitance", "470uF", "--quiet"]
    for name, more in (("one", ["--jobs", 1]), ("two", ["--jobs", 2]), ("other", ["--seed", 1])):
        result = simulate(*common, *more, "--report", tmp_path / name)
        assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert report_of(tmp_path / "one") == report_of(tmp_path / "two")
    assert report_of(tmp_path / "one")["runs"] != report_of(tmp_path / "other")["runs"]
    assert len(report_of(tmp_path / "one")["runs"]) == 10
    assert report_of(tmp_path / "one")["rows"][0]["accuracy"] is None


def test_a_ray_cluster_gives_the_same_figures(demo: Demo, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is an optional extra: pip install 'freeml[fleet]'")
    for name, more in (("local", ["--jobs", 1]), ("ray", ["--ray"])):
        result = simulate(demo.blob, "--devices", 3, "--seconds", 60, *more, "--quiet", "--report", tmp_path / name)
        assert result.returncode == 0, result.stderr
    assert report_of(tmp_path / "local") == report_of(tmp_path / "ray")


def test_a_trace_of_ones_own_and_a_target_without_energy(demo: Demo, tmp_path: Path) -> None:
    rows = "\n".join(f"{time / 10},{3 if time % 50 < 20 else 0.1}" for time in range(300))
    (tmp_path / "volts.csv").write_text(f"time_s,voltage_v\n{rows}\n")
    arguments = ["--trace", tmp_path / "volts.csv", "--load-ohm", "5kohm", "--efficiency", "0.8", "--leakage", "1uA"]
    board = ["--target", "generic", "--active-power", "8mW", "--capacitance", "4.7mF", "--volts-on", "2.8V", "--volts-off", "2"]
    habits = ["--every", "20s", "--deadline", "10s", "--seconds", "1200", "--volts-full", "3.0V", "--sleep-power", "3uW"]
    result = simulate(demo.blob, "--data", demo.data, *arguments, *board, *habits, "--report", tmp_path / "run.json")
    assert result.returncode == 0, result.stderr
    found = report_of(tmp_path / "run.json")
    mean = 0.8 * (0.4 * 9 + 0.6 * 0.01) / 5e3
    for row in found["rows"]:
        assert row["harvested"] == pytest.approx(mean * 1200, rel=1e-6)
        assert row["leaked"] > 0
        assert row["answers"] > 5
        assert 0 <= row["in_time"] <= 1
    assert "in time" in result.stdout


@pytest.mark.parametrize("name", ["run.svg", "run.html"])
def test_pictures_as_text(name: str, demo: Demo, tmp_path: Path) -> None:
    arguments = [str(demo.blob), "--seconds", "30", "--trace", "constant:5mW", "--picture", str(tmp_path / name), "--quiet"]
    assert main(arguments) == 0
    first = (tmp_path / name).read_text()
    assert main(arguments) == 0
    assert (tmp_path / name).read_text() == first
    assert "<svg" in first
    assert ("<pre>" in first) == name.endswith("html")


@pytest.fixture
def blob(tmp_path: Path) -> str:
    graph = GRAPHS["every kind"]
    (tmp_path / "model.fml").write_bytes(make_blob(graph, PLANS["tight"](graph)))
    return str(tmp_path / "model.fml")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--trace", "missing.csv"], "cannot read the trace missing.csv"),
        (["--trace", "rf:loud"], "rf:1mW"),
        (["--policy", "sometimes"], "choose among never"),
        (["--policy", "never,heads"], "has none: use never or ours"),
        (["--policy", "fixed:1"], "has none"),
        (["--target", "generic"], "--active-power"),
        (["--target", "moon"], "no target is called"),
        (["--capacitance", "1mV"], "--capacitance"),
        (["--capacitance", "0F"], "--capacitance"),
        (["--volts-on", "1.9V"], "--volts-off"),
        (["--volts-full", "2.5V"], "--volts-full"),
        (["--efficiency", "1.5"], "--efficiency"),
        (["--seconds", "0"], "--seconds"),
        (["--devices", "0"], "--devices"),
        (["--window", "5,2"], "--window"),
        (["--seconds", "5", "--window", "5,9", "--picture", "x.png"], "--window"),
        (["--picture", "run.gif"], ".png, .svg, .html"),
        (["--picture", "/nowhere/run.png"], "/nowhere"),
        (["--report", "/dev/null"], "device"),
        (["--data", "missing.npz"], "missing.npz"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_bad_arguments(
    arguments: list[str],
    complaint: str,
    blob: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([blob, *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("freeml-sim: error: ")
    assert complaint in captured.err
    assert len(captured.err.splitlines()) == 1


def test_bad_files(blob: str, demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.csv").write_text("time_s,power_w\n0,1\n0,1\n")
    damaged = bytearray(Path(blob).read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "damaged.fml").write_bytes(damaged)
    np.savez(tmp_path / "flat.npz", x_test=np.zeros((3, 7), np.uint8))
    np.savez(tmp_path / "loud.npz", x_test=np.full((3, 1, 8, 8), 300))
    for arguments, complaint in (
        ([blob, "--trace", tmp_path / "bad.csv"], "time_s does not rise at row 3"),
        ([tmp_path / "damaged.fml"], "is damaged; see freeml-inspect"),
        ([tmp_path / "bad.csv"], "is not a FreeML blob"),
        ([tmp_path / "none.fml"], "cannot read"),
        ([tmp_path], "cannot read"),
        ([demo.blob, "--data", tmp_path / "flat.npz"], "samples of shape (7,)"),
        ([demo.blob, "--data", tmp_path / "loud.npz"], "packed for uint8"),
        ([blob, "--picture", blob + ".png", "--report", blob + ".png"], "same file"),
    ):
        assert main([*map(str, arguments)]) == 2
        captured = capsys.readouterr()
        assert complaint in captured.err
        assert len(captured.err.splitlines()) == 1


def test_notes_say_why_there_are_no_answers(blob: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([blob, "--policy", "never", "--trace", "constant:1uW", "--seconds", "20"]) == 0
    assert "never started, the harvest is too weak" in " ".join(capsys.readouterr().out.split())
    assert main([blob, "--policy", "never", "--capacitance", "20uF", "--seconds", "20"]) == 0
    assert "no start was ever finished" in " ".join(capsys.readouterr().out.split())
