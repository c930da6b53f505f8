"""The C core, compiled into the firmware or as a native module beside this package."""

import sys

_ARCHITECTURES = (
    None, "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa", "xtensawin", "rv32imc",
)  # fmt: skip


def _advice(cause):
    number = getattr(sys.implementation, "_mpy", 0) >> 10
    name = _ARCHITECTURES[number] if number < len(_ARCHITECTURES) else None
    if name is None:
        return "freeml_core: %s; this firmware loads no native modules, build it with native/ports/micropython as C module" % cause
    return "freeml_core: %s; build it with `make -C native/ports/micropython ARCH=%s` and copy freeml_core.mpy to /lib" % (
        cause,
        name,
    )


try:
    import freeml_core as core
except ImportError:
    raise ImportError(_advice("the native module is missing"))
except ValueError as error:  # a .mpy for another processor or another MicroPython
    raise ImportError(_advice(error))
