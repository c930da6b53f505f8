"""The C core, compiled into the firmware or as a native module beside this package."""

import sys


def _advice(cause):
    from ._arch import native_module

    name = native_module(getattr(sys.implementation, "_mpy", 0))
    if name is None:
        return (
            f"freeml_core: {cause}; this firmware loads no native modules, build it with the C module native/ports/micropython"
        )
    return (
        f"freeml_core: {cause}; this board's is {name}/freeml_core.mpy: copy it to /lib (freeml-deploy does so, "
        f"tools/build_device.py --arch {name} makes it)"
    )


try:
    import freeml_core as core  # noqa: F401
except ImportError:
    raise ImportError(_advice("the native module is missing")) from None
except ValueError as error:  # a .mpy for another processor or another MicroPython
    raise ImportError(_advice(error)) from None
except MemoryError as error:
    raise MemoryError(
        f"freeml_core: {error}; import freeml first thing, take the smaller module (tools/build_device.py --small), "
        "or compile freeml_core into the firmware"
    ) from None
