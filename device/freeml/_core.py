"""The C core, compiled into the firmware or as a native module beside this package."""

import sys

_ARCHITECTURES = (
    None, "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa", "xtensawin", "rv32imc",
)  # fmt: skip


def _advice(cause):
    number = getattr(sys.implementation, "_mpy", 0) >> 10
    name = _ARCHITECTURES[number] if number < len(_ARCHITECTURES) else None
    if name is None:
        return (
            f"freeml_core: {cause}; this firmware loads no native modules, build it with the C module native/ports/micropython"
        )
    return f"freeml_core: {cause}; build it with tools/build_device.py --arch {name} and copy {name}/freeml_core.mpy to /lib"


try:
    import freeml_core as core  # noqa: F401
except ImportError:
    raise ImportError(_advice("the native module is missing")) from None
except ValueError as error:  # a .mpy for another processor or another MicroPython
    raise ImportError(_advice(error)) from None
