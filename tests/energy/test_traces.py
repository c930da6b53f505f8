"""Recordings and made-up harvests."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from freeml_pack.energy.synthetic import synthetic_trace
from freeml_pack.energy.trace import load_trace
from freeml_pack.errors import PackError

ROOT = Path(__file__).resolve().parents[2]


def test_csv_of_powers(tmp_path: Path) -> None:
    path = tmp_path / "office.csv"
    path.write_text("# lux meter\ntime_s, power_w ,note\n0,0.001,a\n0.5,0.002,b\n\n2.5,0.003,c\n")
    trace = load_trace(path)
    assert trace.name == "office"
    assert trace.watts.tolist() == [0.001, 0.002, 0.003]
    assert trace.seconds.tolist() == [0.5, 2.0, 1.25]  # the last row lasts as long as others do
    assert trace.mean_watts == pytest.approx((0.5 * 1 + 2 * 2 + 1.25 * 3) * 1e-3 / 3.75)


def test_volts_become_the_power_of_the_load_that_they_were_measured_across(tmp_path: Path) -> None:
    path = tmp_path / "volts.csv"
    path.write_text("time_s,voltage_v\n0,3\n1,6\n")
    assert load_trace(path, 30e3).watts.tolist() == [pytest.approx(3e-4), pytest.approx(12e-4)]
    np.savez(tmp_path / "volts.npz", voltage_v=np.float32([3, 6]), dt_s=0.001, load_ohm=30000)
    trace = load_trace(tmp_path / "volts.npz")
    assert trace.watts.tolist() == [pytest.approx(3e-4), pytest.approx(12e-4)]
    assert trace.seconds.tolist() == [0.001, 0.001]
    assert load_trace(tmp_path / "volts.npz", 60e3).watts[0] == pytest.approx(1.5e-4)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "name its columns"),
        ("0,1\n1,2\n", "name its columns"),
        ("time_s,lux\n0,1\n1,1\n", "name its columns"),
        ("time_s,power_w\n", "has 0 rows"),
        ("time_s,power_w\n0,1\n", "has 1 rows"),
        ("time_s,power_w\n0,1\n1,much\n", "row 3"),
        ("time_s,power_w\n0,1\n1\n", "row 3"),
        ("time_s,power_w\n0,1\n2,1\n1,1\n", "does not rise at row 4"),
        ("time_s,power_w\n0,1\n1,-1\n", "negative"),
        ("time_s,power_w\n0,1\n1,nan\n", "NaN"),
        ("time_s,power_w\n0,1\nnan,1\n", "NaN"),
        ("time_s,voltage_v\n0,1\n1,1\n", "--load-ohm"),
        ("\0\xff", "name its columns"),
    ],
)
def test_bad_csv(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(PackError, match=complaint) as caught:
        load_trace(path)
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_no_trace_at_all(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\x80\x81\x82")
    (tmp_path / "text.npz").write_text("time_s,power_w\n")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04rest")
    np.savez(tmp_path / "other.npz", lux=np.ones(3))
    np.savez(tmp_path / "flat.npz", power_w=np.ones((2, 2)), dt_s=1.0)
    np.savez(tmp_path / "still.npz", power_w=np.ones(2), dt_s=0.0)
    np.savez(tmp_path / "empty.npz", power_w=np.ones(0), dt_s=1.0)
    for name in (
        "binary.csv",
        "text.npz",
        "cut.npz",
        "other.npz",
        "flat.npz",
        "still.npz",
        "empty.npz",
        "none.csv",
        "none.npz",
    ):
        with pytest.raises(PackError, match=name):
            load_trace(tmp_path / name)
    with pytest.raises(PackError, match="cannot read"):
        load_trace(tmp_path)


@pytest.mark.parametrize("name", ["rf", "solar", "constant"])
def test_made_up_traces_have_the_power_asked_for_and_depend_on_the_seed_alone(name: str) -> None:
    trace, again, other = (synthetic_trace(f"{name}:2mW", seed) for seed in (1, 1, 2))
    assert trace is not None
    assert again is not None
    assert other is not None
    assert np.array_equal(trace.watts, again.watts)
    assert np.array_equal(trace.watts, other.watts) == (name == "constant")
    assert (trace.watts >= 0).all()
    assert (trace.seconds > 0).all()
    if name == "solar":
        assert trace.watts[0] in (pytest.approx(2e-3), pytest.approx(0.5e-3))  # clear or cloudy noon
        assert trace.watts.max() <= 2e-3
        assert (trace.watts == 0).mean() == pytest.approx(0.5, abs=0.01)
        assert trace.duration == 86_400
    else:
        assert trace.mean_watts == pytest.approx(2e-3)


def test_made_up_radio_is_as_rough_as_recordings() -> None:
    trace = synthetic_trace("rf", 0)
    assert trace is not None
    watts, second = trace.watts, 50
    assert 0.6 < watts.std() / watts.mean() < 1.9
    assert 0.2 < np.corrcoef(watts[:-second], watts[second:])[0, 1] < 0.7


def test_names_and_powers_that_are_none() -> None:
    assert synthetic_trace("office.csv", 0) is None
    for spec in ("rf:much", "solar:-1mW", "constant:nan", "rf:1mV"):
        with pytest.raises(PackError, match=spec):
            synthetic_trace(spec, 0)


def test_recordings() -> None:
    folder = Path(os.environ.get("FREEML_DATA", ROOT.parent / "shared" / "data")) / "energy_traces"
    if not folder.is_dir():
        pytest.skip("no recorded traces: set FREEML_DATA")
    means = {path.stem: load_trace(path).mean_watts for path in sorted(folder.glob("*.npz"))}
    assert means["react_rf_cart"] == pytest.approx(2.12e-3, rel=1e-2)
    assert means["fused_lux_14oct21"] == pytest.approx(48.5e-6, rel=1e-2)
    rfid = [mean for name, mean in means.items() if name.startswith("mementos")]
    assert len(rfid) == 9
    assert min(rfid) == pytest.approx(77e-6, rel=1e-2)
    assert max(rfid) == pytest.approx(189e-6, rel=1e-2)
