"""Physical quantities as people read them."""

from __future__ import annotations

_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"))


def quantity(value: float, unit: str) -> str:
    """Three digits and a prefix: 0.0123 and "J" give "12.3 mJ"."""
    rounded = float(f"{value:.3g}")
    factor, prefix = next((entry for entry in _PREFIXES if abs(rounded) >= entry[0]), _PREFIXES[-1])
    return f"{float(f'{rounded / factor:.3g}'):,g} {prefix}{unit}"


def byte_count(text: str) -> int:
    """Of "24KB", "24 kb", "1.5MB" or "24576"; a KB is 1,024 bytes. ValueError where it is none, or not positive."""
    digits = text.strip().upper().removesuffix("B").rstrip()
    factor = {"K": 1 << 10, "M": 1 << 20}.get(digits[-1:], 1)
    count = int(float(digits if factor == 1 else digits[:-1]) * factor)
    if count < 1:
        raise ValueError(text)
    return count
