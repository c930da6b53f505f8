"""`freeml-pack` on bad input: exit code 2, one line on stderr, nothing on stdout, no file left behind."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from cli.conftest import Kit
from freeml_pack import pipeline
from freeml_pack.cli import main
from freeml_pack.graph import Graph

Captured = pytest.CaptureFixture[str]


def refused(capsys: Captured, folder: Path, arguments: list[str], message: str, code: int = 2) -> None:
    before = sorted(folder.rglob("*"))
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert err.startswith("freeml-pack: ")
    assert re.search(message, err), err
    assert sorted(folder.rglob("*")) == before


def text_file(kit: Kit, folder: Path) -> list[str]:
    (folder / "model.pt").write_text("not a model\n" * 10)
    return [str(folder / "model.pt")]


def empty_file(kit: Kit, folder: Path) -> list[str]:
    (folder / "model.pt").touch()
    return [str(folder / "model.pt")]


def truncated(kit: Kit, folder: Path) -> list[str]:
    whole = kit.exported.read_bytes()
    (folder / "model.pt2").write_bytes(whole[: len(whole) // 2])
    return [str(folder / "model.pt2")]


def nan_weights(kit: Kit, folder: Path) -> list[str]:
    weights = torch.load(kit.weights)
    weights["5.weight"][1, 7] = float("nan")
    torch.save(weights, folder / "nan.pth")
    return [str(folder / "nan.pth"), "--model", f"{kit.source}:Net", "--input-shape", "1,8,8"]


MODEL_ERRORS: dict[str, tuple[Callable[[Kit, Path], list[str]], str]] = {
    "no name": (lambda kit, folder: [""], "directory"),
    "long name": (lambda kit, folder: ["m" * 300], "mmm: File name too long"),
    "no file": (lambda kit, folder: [str(folder / "absent.pt")], "absent.pt"),
    "folder": (lambda kit, folder: [str(folder)], "folder|directory"),
    "text file": (text_file, "model.pt"),
    "empty file": (empty_file, "empty"),
    "truncated": (truncated, "model.pt2"),
    "nan": (nan_weights, "5.weight.*|.*NaN"),
    "state_dict without --model": (lambda kit, folder: [str(kit.weights), "--input-shape", "1,8,8"], "--model"),
    "pickle without --allow-pickle": (lambda kit, folder: [str(kit.pickled), "--input-shape", "1,8,8"], "--allow-pickle"),
    "no shape": (lambda kit, folder: [str(kit.scripted)], "--input-shape"),
    "wrong class": (lambda kit, folder: [str(kit.weights), "--model", f"{kit.source}:Nest", "--data", str(kit.data)], "Nest"),
}


@pytest.mark.parametrize("name", MODEL_ERRORS)
def test_bad_models(kit: Kit, tmp_path: Path, capsys: Captured, name: str) -> None:
    make, message = MODEL_ERRORS[name]
    refused(capsys, tmp_path, [*make(kit, tmp_path), "-o", str(tmp_path / "out.fml")], message)


def changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict[str, np.ndarray]], None]:
    return lambda arrays: arrays.update({name: change(arrays[name])})


DATA_ERRORS: dict[str, tuple[Callable[[dict[str, np.ndarray]], None], str]] = {
    "shape": (changed("x_test", lambda x: x[:, :7]), "shape"),
    "labels out of range": (changed("y_train", lambda y: y + 1), "label 3.*3 classes"),
    "negative labels": (changed("y_test", lambda y: y - 5), "label -[345]"),
    "lengths": (changed("y_test", lambda y: y[1:]), "31 labels for 32 samples"),
    "nan": (changed("x_train", lambda x: np.where(x == x[3, 2, 1], np.nan, x)), "NaN"),
    "pickled": (changed("x_train", lambda x: x.astype(object)), "pickled"),
    "nothing": (lambda arrays: arrays.clear(), "x_train.*found: nothing"),
    "other names": (
        lambda arrays: arrays.update(x=arrays.pop("x_train"), y=arrays.pop("x_test")),
        "found: x, y, y_test, y_train",
    ),
    "of two minds": (changed("x_test", lambda x: x / 255.0), "x_train is uint8 and x_test is float64"),
    "huge": (
        lambda arrays: arrays.update({name: arrays[name] * 1e30 for name in ("x_train", "x_test")}),
        r"as large as .e\+32",
    ),
}


@pytest.mark.parametrize("name", DATA_ERRORS)
def test_bad_data(kit: Kit, tmp_path: Path, capsys: Captured, name: str) -> None:
    change, message = DATA_ERRORS[name]
    arrays = dict(np.load(kit.data))
    change(arrays)
    np.savez(tmp_path / "data.npz", **arrays)
    arguments = [str(kit.exported), "--data", str(tmp_path / "data.npz"), "-o", str(tmp_path / "out.fml")]
    refused(capsys, tmp_path, arguments, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--frobnicate"], "unrecognized arguments: --frobnicate; see freeml-pack --help"),
        (["--input-shape", "1,x"], "invalid shape value: '1,x'"),
        (["--input-shape", "0,8"], "invalid shape value"),
        (["--std", "abc"], "invalid list of numbers"),
        (["--mean", "nan"], "invalid list of numbers"),
        (["--input-shape", "3,100000,100000"], "invalid shape value"),
        (["--seed=-1"], "invalid seed value"),
        (["--samples", "0"], "invalid positive number"),
        (["--inferences-per-day", "0"], "invalid positive number"),
        (["--target", "cray"], "no target is called 'cray'"),
        (["--data", "absent.npz"], "absent.npz"),
        (["--mean", "1,2,3"], "--mean has 3 values"),
        (["--std", "0"], "--std is 0"),
    ],
)
def test_bad_options(kit: Kit, tmp_path: Path, capsys: Captured, options: list[str], message: str) -> None:
    refused(capsys, tmp_path, [str(kit.exported), "-o", str(tmp_path / "out.fml"), *options], message)


def test_no_arguments(tmp_path: Path, capsys: Captured) -> None:
    refused(capsys, tmp_path, [], "the following arguments are required: MODEL")


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("flash_bytes = 100", "bytes of room for the blob, .* more than the 100 of target small; the largest layer is 5 "),
        (
            "flash_bytes = 600",
            "bytes of room for the blob, .* more than the 600 of .*; the largest layer is 5 with .* constants",
        ),
        ("ram_bytes = 50", "bytes of RAM, .* more than the 50 of target small"),
        ("nvm_bytes = 100", "bytes of nonvolatile memory, .*; most is in use at layer "),
    ],
)
def test_a_model_too_large_for_its_target(kit: Kit, tmp_path: Path, capsys: Captured, limit: str, message: str) -> None:
    target = tmp_path / "small.toml"
    rest = 'description = "x"\nnvm_mapped = false\nstream_bytes = 0\n'
    prices = "between_failures = 1\nmac = 1e-7\nelement = 4e-7\nstep = 1e-5\ncommit = 1e-3\nboot = 0\ncheck = 0\n"
    target.write_text(f"{rest}{limit}\n[time]\n{prices}")
    refused(capsys, tmp_path, [str(kit.exported), "-o", str(tmp_path / "out.fml"), "--target", str(target)], message)


@pytest.mark.parametrize(
    ("farads", "message"),
    [
        ("1e-9", r"starting, opening the blob and one commit take .* uJ, but a charge of target small .*larger capacitor"),
        (
            "1.03e-4",
            r"a step of layer \S+ takes .* or more, but a charge of target small surely gives .*; use a larger capacitor",
        ),
    ],
)
def test_a_capacitor_too_small(kit: Kit, tmp_path: Path, capsys: Captured, farads: str, message: str) -> None:
    target = tmp_path / "small.toml"
    rest = 'description = "x"\nnvm_mapped = true\nstream_bytes = 0\n[energy]\nvolts_on = 2\nvolts_off = 0\nmargin = 0.5\n'
    prices = "mac = 1e-8\nelement = 4e-8\nstep = 1e-6\ncommit = 1e-6\nboot = 1e-4\ncheck = 0\n"
    target.write_text(f"{rest}{prices}capacitance = {farads}\n")
    refused(capsys, tmp_path, [str(kit.exported), "-o", str(tmp_path / "out.fml"), "--target", str(target)], message)


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [("1", "1", "is no range"), ("2", "-2", "is no range"), ("nan", "1", "is no range"), ("0", "inf", "no range")],
)
def test_an_input_range_that_is_none(kit: Kit, tmp_path: Path, capsys: Captured, low: str, high: str, message: str) -> None:
    refused(capsys, tmp_path, [str(kit.exported), "-o", str(tmp_path / "o.fml"), "--input-range", low, high], message)


def test_an_input_range_beside_data(kit: Kit, tmp_path: Path, capsys: Captured) -> None:
    arguments = [str(kit.exported), "-o", str(tmp_path / "o.fml"), "--data", str(kit.data), "--input-range", "0", "1"]
    refused(capsys, tmp_path, arguments, "--input-range is for packing without data")


def test_outputs_that_cannot_be(kit: Kit, tmp_path: Path, capsys: Captured) -> None:
    model = tmp_path / "model.fml"
    model.write_bytes(kit.exported.read_bytes())
    refused(capsys, tmp_path, [str(model), "-o", str(tmp_path)], "is a folder; name a file")
    refused(capsys, tmp_path, [str(model), "-o", str(model)], "also an input")
    refused(capsys, tmp_path, [str(model), "-o", str(tmp_path / "none" / "o.fml")], "does not exist")
    refused(capsys, tmp_path, [str(model), "-o", "/proc/model.fml"], "cannot write /proc/model.fml|not writable")
    os.mkfifo(tmp_path / "pipe")
    refused(capsys, tmp_path, [str(model), "-o", str(tmp_path / "pipe")], "is a device or a pipe; name an ordinary file")
    refused(capsys, tmp_path, [str(model), "-o", str(tmp_path / ("o" * 300))], "ooo: File name too long; check the path")
    circle, back = tmp_path / "circle", tmp_path / "back"
    circle.symlink_to(back)
    back.symlink_to(circle)
    for outputs in (["-o", str(circle)], ["-o", str(tmp_path / "o.fml"), "--report", str(circle)]):
        refused(capsys, tmp_path, [str(model), *outputs], "a link that leads back to itself; remove it")
    assert circle.is_symlink()
    both = str(tmp_path / "both")
    refused(capsys, tmp_path, [str(model), "-o", both, "--report", both], "same file")
    assert model.read_bytes() == kit.exported.read_bytes()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(kit: Kit, tmp_path: Path, capsys: Captured) -> None:
    tmp_path.chmod(0o500)
    refused(capsys, tmp_path, [str(kit.exported), "-o", str(tmp_path / "out.fml")], "not writable")


def test_a_full_disk_keeps_the_old_output(kit: Kit, tmp_path: Path, capsys: Captured) -> None:
    """A limit on the file size stands in for the disk: the same write fails with the same kind of error."""
    output = tmp_path / "out.fml"
    output.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        refused(capsys, tmp_path, [str(kit.exported), "-o", str(output)], "cannot write .*; free some space")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert output.read_bytes() == b"old"


def test_a_link_as_output_stays_one(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "link.fml").symlink_to("real.fml")
    for _ in range(2):  # there is no such file yet; there is one
        assert main([str(kit.exported), "-o", str(tmp_path / "link.fml"), "--quiet"]) == 0
        assert (tmp_path / "link.fml").readlink() == Path("real.fml")
        assert (tmp_path / "real.fml").stat().st_size > 100


def test_a_full_disk_under_the_table(kit: Kit, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "freeml_pack.cli", str(kit.exported)]
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 2
    assert re.match(r"freeml-pack: error: No space left on device; .*\n", done.stderr)


@pytest.mark.parametrize("swallowed", [False, True], ids=["plain", "made another error by torch"])
def test_interruption(kit: Kit, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, swallowed: bool) -> None:
    def interrupt(*_: object) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            if swallowed:
                raise RuntimeError("no FakeTensorMode")

    monkeypatch.setattr(pipeline, "build", interrupt)
    refused(capsys, tmp_path, [str(kit.exported), "-o", str(tmp_path / "out.fml")], "interrupted", code=130)


def test_an_engine_that_differs_from_the_oracle_is_an_internal_error(
    kit: Kit, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pipeline.run_oracle

    def wrong(graph: Graph, raw: np.ndarray, trace: bool) -> dict[str, np.ndarray]:
        assert trace
        return {name: value ^ 1 for name, value in real(graph, raw, trace=True).items()}

    monkeypatch.setattr(pipeline, "run_oracle", wrong)
    message = "internal error: SelfCheckError: .*please report"
    refused(capsys, tmp_path, [str(kit.exported), "-o", str(tmp_path / "out.fml")], message, code=70)


def test_as_a_command(kit: Kit, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "freeml_pack.cli", str(kit.weights)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"freeml-pack: error: .*--model.*\n", done.stderr)
    assert not list(tmp_path.iterdir())
