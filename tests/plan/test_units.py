"""Quantities for people."""

import pytest
from freeml_pack.units import parse_quantity, quantity


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123, "12.3 mJ"),
        (0.00099996, "1 mJ"),
        (12345.0, "12,300 J"),
        (3.6e-9, "3.6 nJ"),
        (4e-12, "0.004 nJ"),
        (0.0, "0 nJ"),
        (-2e-6, "-2 uJ"),
    ],
)
def test_quantity(value: float, text: str) -> None:
    assert quantity(value, "J") == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.3 mJ", 0.0123),
        ("12.3mJ", 0.0123),
        ("0.0123", 0.0123),
        ("2J", 2.0),
        ("4e-3uJ", 4e-9),
        ("5 kJ", 5e3),
        ("1MJ", 1e6),
        ("0", 0.0),
    ],
)
def test_parse_quantity(text: str, value: float) -> None:
    assert parse_quantity(text, "J") == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "J", "mJ", "much", "-1mJ", "nan", "inf", "1e999", "1 W", "1m", "1 mmJ", "1,5J", "1e", "--1"]
)
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (float's own message will do)
        parse_quantity(text, "J")
