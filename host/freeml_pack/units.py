"""Physical quantities as people read them."""

from __future__ import annotations

_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"))


def quantity(value: float, unit: str) -> str:
    """Three digits and a prefix: 0.0123 and "J" give "12.3 mJ"."""
    rounded = float(f"{value:.3g}")
    factor, prefix = next((entry for entry in _PREFIXES if abs(rounded) >= entry[0]), _PREFIXES[-1])
    return f"{float(f'{rounded / factor:.3g}'):,g} {prefix}{unit}"
