"""What each instruction computes and leaves in the status register, in whole numbers: the definitions of SLAU367 4.6."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """value is None where nothing is written; v is None where the guide leaves it undefined."""

    value: int | None
    c: int
    z: int
    n: int
    v: int | None


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _of(value: int, bits: int, c: bool, v: bool | None, written: bool = True) -> Result:
    return Result(value if written else None, int(c), int(value == 0), value >> (bits - 1), None if v is None else int(v))


def _in_range(number: int, bits: int) -> bool:
    return -(1 << (bits - 1)) <= number < 1 << (bits - 1)


def _add(source: int, to: int, carry: int, bits: int) -> Result:
    total = source + to + carry
    overflow = not _in_range(signed(source, bits) + signed(to, bits) + carry, bits)
    return _of(total % (1 << bits), bits, total >= 1 << bits, overflow)


def _subtract(source: int, to: int, borrow: int, bits: int, written: bool = True) -> Result:
    difference = to - source - borrow
    overflow = not _in_range(signed(to, bits) - signed(source, bits) - borrow, bits)
    return _of(difference % (1 << bits), bits, difference >= 0, overflow, written)


def decimal(value: int) -> int:
    """A number with decimal digits only, of any number."""
    return int("".join(str(int(digit, 16) % 10) for digit in f"{value:x}"), 16)


def _add_decimal(source: int, to: int, carry: int, bits: int) -> Result:
    digits = bits // 4
    total = int(f"{source:x}") + int(f"{to:x}") + carry
    value = int(str(total % 10**digits), 16)
    return _of(value, bits, total >= 10**digits, None)


def double(name: str, source: int, to: int, status: tuple[int, int, int, int], bits: int) -> Result:
    """source, to: unsigned, within `bits`. status: c, z, n, v before."""
    carry = status[0]
    match name:
        case "ADD":
            return _add(source, to, 0, bits)
        case "ADDC":
            return _add(source, to, carry, bits)
        case "SUB":
            return _subtract(source, to, 0, bits)
        case "SUBC":
            return _subtract(source, to, 1 - carry, bits)
        case "CMP":
            return _subtract(source, to, 0, bits, written=False)
        case "DADD":
            return _add_decimal(source, to, carry, bits)
        case "AND" | "BIT":
            value = source & to
            return _of(value, bits, value != 0, False, name == "AND")
        case "XOR":
            value = source ^ to
            return _of(value, bits, value != 0, signed(source, bits) < 0 and signed(to, bits) < 0)
        case "MOV":
            return Result(source, *status)
        case "BIS":
            return Result(source | to, *status)
        case _:  # BIC
            return Result(to - (source & to), *status)


def shift(name: str, value: int, carry: int, bits: int) -> Result:
    """RRC, RRA, RRU (logical), RLA, by one bit."""
    if name == "RLA":
        return _add(value, value, 0, bits)
    top = {"RRC": carry, "RRA": value >> (bits - 1), "RRU": 0}[name]
    return _of(value // 2 + (top << (bits - 1)), bits, bool(value % 2), False)
