"""`freeml-inspect` as people and programs call it."""

from __future__ import annotations

import io
import json
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import graphs
import pytest
import torch
from freeml_pack import cli as pack_cli
from freeml_pack.blob import open_metadata, write_blob
from freeml_pack.inspection import as_json, show
from freeml_pack.inspection.blob import read_blob
from freeml_pack.inspection.cli import main
from freeml_pack.inspection.nvm import read_journal
from freeml_pack.inspection.verdict import judge
from freeml_schema.journal import Record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inspection.images import BLOB, ENGINE, OTHER_BLOB, image, resealed, write
from journals import fill_slots, journal_slots, sealed
from rich.console import Console
from zoo import ZOO

Captured = pytest.CaptureFixture[str]


def run(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "freeml_pack.inspection.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("code", "data", "text"),
    [
        (0, BLOB, r"^x: FreeML blob 'test', packed for generic, 3,\d\d\d bytes: good\n"),
        (1, BLOB[:-9], r"the last 9 are missing"),
        (1, BLOB[:40], r"the metadata .* are cut off: 40 of "),
        (
            0,
            bytes(image()),
            r"^x: NVM image, 6,220 bytes\ninference tag 7 stands at operator 5, step 0: resume\(\) will finish it\n",
        ),
        (1, b"FJ" + bytes(30) + b"FJ" + bytes(40), r"both slots damaged"),
    ],
)
def test_exit_codes(tmp_path: Path, code: int, data: bytes, text: str) -> None:
    write(tmp_path, "x", data)
    done = run("x", folder=tmp_path)
    assert (done.returncode, done.stderr) == (code, "")
    assert re.search(text, done.stdout)
    done = run("x", "--json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (code, "")
    assert json.loads(done.stdout)["good"] == (code == 0)


def with_model(folder: Path, model: bytes) -> list[str]:
    return [str(write(folder, "x.nvm", bytes(image()))), "--model", str(write(folder, "x.fml", model))]


BAD: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "no file": (lambda folder: [str(folder / "absent")], "cannot read .*absent: No such file"),
    "folder": (lambda folder: [str(folder)], "Is a directory"),
    "empty": (lambda folder: [str(write(folder, "x.fml", b""))], "is empty"),
    "text": (lambda folder: [str(write(folder, "x.txt", b"Dear device,\n" * 20))], "neither a FreeML blob nor an NVM image"),
    "short image": (lambda folder: [*with_model(folder, BLOB)[1:], str(write(folder, "s", b"FJ"))], "has 2 bytes, the journal"),
    "blob with a model": (
        lambda folder: [*with_model(folder, BLOB)[1:], str(folder / "x.fml")],
        "is a blob; --model goes with",
    ),
    "damaged model": (lambda folder: with_model(folder, BLOB[:-1]), "given as --model, is damaged; see freeml-inspect .*x.fml"),
    "no blob as model": (lambda folder: with_model(folder, b"x" * 99), "given as --model, is not a FreeML blob"),
    "absent model": (lambda folder: [*with_model(folder, BLOB)[:2], str(folder / "none.fml")], "cannot read .*none.fml"),
    "option": (lambda folder: ["--frobnicate"], "see freeml-inspect --help"),
    "nothing": (lambda folder: [], "the following arguments are required: FILE"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(tmp_path: Path, capsys: Captured, name: str) -> None:
    make, message = BAD[name]
    assert main(make(tmp_path)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("freeml-inspect: error: ")
    assert re.search(message, err), err


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=400),
    start=st.sampled_from([b"", b"FJ", BLOB[:200], BLOB[:8], bytes(32) + b"FJ"]),
    model=st.booleans(),
)
def test_any_file(tmp_path: Path, capsys: Captured, data: bytes, start: bytes, model: bool) -> None:
    """An exit code that is promised, one object or one line, never a traceback."""
    arguments = [str(write(tmp_path, "x", start + data)), "--json"]
    if model:
        arguments += ["--model", str(write(tmp_path, "m.fml", BLOB))]
    code = main(arguments)
    out, err = capsys.readouterr()
    if code == 2:
        assert (out, len(err.splitlines())) == ("", 1)
    else:
        assert code in (0, 1)
        assert json.loads(out)["good"] == (code == 0)
        assert main(arguments[:1] + arguments[2:]) == code
        capsys.readouterr()


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        inner = [keys(item) for name, item in value.items() if name != "fields"]
        return set(value).union(*inner)
    return set().union(*map(keys, value)) if isinstance(value, list | tuple) else set()


def test_json_keys_are_documented_and_all_there() -> None:
    """The documentation names every key, and no other."""
    with_exits = write_blob(graphs.with_exits(), graphs.roomy_plan(graphs.with_exits()))
    found = keys(as_json.blob_json("x", read_blob(BLOB))) | keys(as_json.blob_json("x", read_blob(with_exits)))
    network = read_blob(BLOB).network
    for memory in (image(), image(None)):
        journal = read_journal(memory)
        found |= keys(as_json.nvm_json("x", len(memory), journal, judge(memory, journal, network), network))
    assert as_json.__doc__ is not None
    documented = set(re.findall(r"`(\w+)`", as_json.__doc__))
    assert found == documented


def test_json_of_scales_that_are_no_numbers(tmp_path: Path, capsys: Captured) -> None:
    """The core never reads them, so it lets them pass."""
    blob = bytearray(BLOB)
    for index in range(13):
        struct.pack_into(
            "<f", blob, open_metadata(BLOB).Tensors(index)._tab.Pos + 12, float("nan") if index % 2 else float("inf")
        )
    model, memory = resealed(bytes(blob)), image(None)
    fill_slots(memory, sealed(Record.parse(journal_slots(memory)[0]), model_id=int.from_bytes(model[16:20], "little")))
    paths = [str(write(tmp_path, "x.nvm", bytes(memory))), "--model", str(write(tmp_path, "x.fml", model))]
    assert main([*paths, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"]["values"] == [None] * 11
    assert main([paths[2], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["network"]["tensors"][3]["scale"] is None
    assert main(paths) == main(paths[2:]) == 0


def test_json_of_an_inference(tmp_path: Path, capsys: Captured) -> None:
    assert main([*with_model(tmp_path, BLOB), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["kind"], result["journal"], result["phase"], result["model"]) == ("nvm", "valid", "RUNNING", "test")
    assert (result["progress"]["steps_done"], result["progress"]["steps"]) == (58, 234)
    assert result["slots"][0]["fields"]["model_id"] == f"{ENGINE.model_id:08x}"
    assert main([*with_model(tmp_path, OTHER_BLOB), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["journal"] == "foreign"


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_the_terminal(width: int) -> None:
    console = Console(width=width, file=io.StringIO(), record=True)
    facts = read_blob(BLOB)
    show.show_blob("model.fml", facts, console)
    memory = image()
    journal = read_journal(memory)
    show.show_nvm("model.nvm", len(memory), journal, judge(memory, journal, facts.network), facts.network, console)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    for part in ("the arena: bytes down", "dearest commit", "depthwise 3x3 + clamp", "next commit", "6,048"):
        assert part in text


def test_names_are_not_markup() -> None:
    facts = read_blob(BLOB)
    assert facts.network is not None
    console = Console(width=120, file=io.StringIO(), record=True)
    show.show_blob("[red]x[/]", replace(facts, network=replace(facts.network, name="[/bold]")), console)
    assert console.export_text().startswith("[red]x[/]: FreeML blob '[/bold]'")


def test_what_was_packed_is_what_is_found(tmp_path: Path, capsys: Captured) -> None:
    """A network from PyTorch: the packer's report and the inspection of its blob say the same."""
    model, shape = ZOO["mobilenet_v3"]()
    torch.export.save(torch.export.export(model, (torch.zeros(1, *shape),)), tmp_path / "net.pt2")
    blob, path = tmp_path / "net.fml", tmp_path / "report.json"
    assert pack_cli.main([str(tmp_path / "net.pt2"), "-o", str(blob), "--report", str(path), "--quiet"]) == 0
    assert main([str(blob), "--json"]) == 0
    found, report = json.loads(capsys.readouterr().out)["network"], json.loads(path.read_text())
    for key in ("target", "macs", "steps", "commits", "nvm_bytes", "arena_bytes"):
        assert found[key] == report[key], key
    for op, layer in zip(found["ops"], report["layers"], strict=True):
        assert (op["macs"], op["steps"], op["commits"]) == (layer["macs"], layer["steps"], layer["commits"])
        assert op["name"].split(" + ")[0] == layer["op"].split(" + ")[0]
        assert op["constant_bytes"] + 256 * op["lookup"] == layer["weight_bytes"]


def test_help_is_complete() -> None:
    done = run("--help", folder=Path.cwd())
    assert done.returncode == 0
    for text in ("examples:", "--model", "--json", "exit codes:"):
        assert text in done.stdout


def test_torch_is_never_loaded(tmp_path: Path) -> None:
    write(tmp_path, "x", BLOB)
    code = "import sys; from freeml_pack.inspection.cli import main; main(['x']); assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=30).returncode == 0
