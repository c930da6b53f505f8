"""Quantities for people."""

import pytest
from freeml_pack.units import quantity


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
