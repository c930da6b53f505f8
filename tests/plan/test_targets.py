"""Target files."""

from math import inf
from pathlib import Path

import pytest
from freeml_pack.errors import PackError
from freeml_pack.graph import Encoding
from freeml_pack.targets import load_target, target_names


@pytest.mark.parametrize("name", target_names())
def test_targets_that_come_with_the_packer_load(name: str) -> None:
    target = load_target(name)
    assert target.name == name
    assert target.prices.most > 0
    assert target.prices.commit < target.prices.life / 10


def test_the_planned_targets_are_there() -> None:
    assert target_names() == ["esp32c3", "generic", "msp430fr5994", "rp2040", "stm32l4"]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(PackError, match="no target is called 'cray'; choose one of esp32c3, generic"):
        load_target("cray")


GOOD = 'description = "x"\nnvm_mapped = true\nstream_bytes = 0\n'
PRICES = "mac = 1e-9\nelement = 4e-9\nstep = 1e-7\ncommit = 1e-6\nboot = 0\ncheck = 0\n"
TIME = f"[time]\nbetween_failures = 1\n{PRICES}"
ENERGY = f"[energy]\ncapacitance = 100e-6\nvolts_on = 2.8\nvolts_off = 2\nmargin = 0.25\n{PRICES}"


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD + "clock_hz = 1_000_000\ncycles_per_mac = 4\n" + TIME)
    target = load_target(str(path))
    assert target.name == "mine"
    assert target.blob_mapped
    assert target.compute_seconds(500_000) == 2.0
    assert (target.prices.life, target.prices.most) == (1, inf)


def test_blobs_are_mapped_as_far_as_mapped_memory_reaches(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace("= 0", "= 256") + "mapped_bytes = 1000\n" + TIME)
    target = load_target(str(path))
    assert not target.blob_mapped
    assert [target.mapping(size).blob_mapped for size in (1, 1000, 1001)] == [True, True, False]


def test_a_charge(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD + ENERGY)
    prices = load_target(str(path)).prices
    assert prices.life == pytest.approx(192e-6)
    assert prices.most == pytest.approx(144e-6)


def test_products_with_encoded_weights(tmp_path: Path) -> None:
    """A step with one pixel has prices of its own; what the file does not say is as counted."""
    path = tmp_path / "mine.toml"
    path.write_text(GOOD + TIME + "[encoded_mac]\nsparse_8 = 1.25\n[encoded_mac_one_pixel]\nsparse_8 = 2.75\n")
    target = load_target(str(path))
    assert [target.encoded_factor(Encoding.SPARSE_8, pixels) for pixels in (1, 2)] == [2.75, 1.25]
    assert [target.encoded_factor(Encoding.SPARSE_4, pixels) for pixels in (1, 2)] == [4.6, 1.4]
    assert [target.encoded_factor(Encoding.DENSE_8, pixels) for pixels in (1, 2)] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("= 3", "not valid TOML"),
        ("amperes = 3\n" + GOOD + TIME, "unknown key 'amperes'"),
        (GOOD.replace("0", '"0"') + TIME, "stream_bytes must be of type int"),
        (GOOD.replace("0", "true") + TIME, "stream_bytes must be of type int"),
        (GOOD.replace("0", "-1") + TIME, "stream_bytes must be positive"),
        (GOOD.replace("nvm_mapped = true\n", "") + TIME, "lacks nvm_mapped"),
        (GOOD, r"must have one of the sections \[energy\] and \[time\]"),
        (GOOD + ENERGY + TIME, r"must have one of the sections \[energy\] and \[time\]"),
        (GOOD + "time = 3\n", "has time as a key, not as a section"),
        (GOOD + ENERGY + "watts = 1\n", r"section \[energy\] of .* has an unknown key 'watts'"),
        (GOOD + ENERGY.replace("mac = 1e-9", ""), r"section \[energy\] of .* lacks mac"),
        (GOOD + ENERGY.replace("commit = 1e-6", "commit = 0"), "commit must be positive"),
        (GOOD + ENERGY.replace("mac = 1e-9", "mac = nan"), "mac must be positive"),
        (GOOD + ENERGY.replace("volts_off = 2", "volts_off = 3"), "volts_on must be above volts_off"),
        (GOOD + ENERGY.replace("0.25", "1"), "margin below 1"),
        (GOOD + TIME + "[encoded_mac_one_pixel]\ndense_8 = 1\n", r"section \[encoded_mac_one_pixel\] of .* has an unknown key"),
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
