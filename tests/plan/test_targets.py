"""Target files."""

from pathlib import Path

import pytest
from freeml_pack.errors import PackError
from freeml_pack.targets import load_target, target_names


@pytest.mark.parametrize("name", target_names())
def test_targets_that_come_with_the_packer_load(name: str) -> None:
    target = load_target(name)
    assert target.name == name
    assert target.step_macs <= target.interval_macs


def test_the_planned_targets_are_there() -> None:
    assert target_names() == ["esp32c3", "generic", "msp430fr5994", "rp2040", "stm32l4"]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(PackError, match="no target is called 'cray'; choose one of esp32c3, generic"):
        load_target("cray")


GOOD = 'description = "x"\nstep_macs = 10\ninterval_macs = 20\nnvm_mapped = true\nstream_bytes = 0\n'


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD + "clock_hz = 1_000_000\ncycles_per_mac = 4\n")
    target = load_target(str(path))
    assert target.name == "mine"
    assert target.blob_mapped
    assert target.compute_seconds(500_000) == 2.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("= 3", "not valid TOML"),
        (GOOD + "volts = 3\n", "unknown key 'volts'"),
        (GOOD.replace("step_macs = 10", 'step_macs = "10"'), "step_macs must be of type int"),
        (GOOD.replace("step_macs = 10", "step_macs = true"), "step_macs must be of type int"),
        (GOOD.replace("step_macs = 10", "step_macs = 0"), "step_macs must be positive"),
        (GOOD.replace("nvm_mapped = true\n", ""), "lacks nvm_mapped"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(PackError, match=message):
        load_target(str(path))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="No such file"):
        load_target(str(tmp_path / "none.toml"))
