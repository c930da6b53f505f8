/* The configuration of MicroPython's qemu port, and what boards have beyond it. */
#include "mpconfigport.h"

#if defined(QEMU_SOC_NRF51)
#define MICROPY_EMIT_THUMB (1) /* or it loads no native modules */
#define MICROPY_EMIT_THUMB_ARMV7M (0)
#define MICROPY_EMIT_INLINE_THUMB_FLOAT (0)
#endif

#undef MICROPY_VFS_ROM_IOCTL
#define MICROPY_VFS_ROM_IOCTL (1)
#undef MICROPY_PY_TIME
#define MICROPY_PY_TIME (1)
