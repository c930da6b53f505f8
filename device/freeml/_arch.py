"""Which native module a board loads; the same file on the device and in freeml-deploy."""

# By MicroPython's number of the processor. It says armv7em for a Cortex-M3, too, and for a core with floating point in double
# precision nothing is faster than the module for single precision: there is none with floating point at all.
_MODULES = (
    None, "x86", "x64", None, "armv6m", "armv7m", "armv7m", "armv7emsp", "armv7emsp", "xtensa", "xtensawin", "rv32imc",
)  # fmt: skip


def native_module(mpy: int) -> str | None:
    """As tools/build_device.py --arch names it; None: the board loads none. mpy: sys.implementation._mpy, 0 where missing."""
    number = mpy >> 10 & 15
    return _MODULES[number] if number < len(_MODULES) else None
