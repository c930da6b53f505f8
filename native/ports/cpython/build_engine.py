"""Builds freeml_pack._engine: the C core inside CPython, through cffi. setup.py runs it."""

import re
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
CORE = ROOT / "native" / "src"
HEADER = ROOT / "native" / "include" / "freeml.h"
CAPACITOR = HERE / "capacitor.h"

# A blob in memory as a source to be streamed, what diagnose.c and scratch.c find, and NVM written in Python.
PORT = """
int32_t freeml_refused_op(const uint8_t *blob, uint32_t size);
uint32_t freeml_scratch_of_one_window(const fml_model *model);
int freeml_read_memory(void *context, uint32_t offset, void *to, uint32_t size);
extern "Python" {
    int freeml_nvm_read(void *context, uint32_t offset, void *to, uint32_t size);
    int freeml_nvm_write(void *context, uint32_t offset, const void *from, uint32_t size);
    int freeml_nvm_sync(void *context);
}
"""

SOURCE = """
#include <string.h>
#include "capacitor.h"
#include "freeml.h"

int32_t freeml_refused_op(const uint8_t *blob, uint32_t size);
uint32_t freeml_scratch_of_one_window(const fml_model *model);

static int freeml_read_memory(void *context, uint32_t offset, void *to, uint32_t size)
{
    memcpy(to, (const uint8_t *)context + offset, size);
    return 0;
}
"""


def declarations(header: str) -> str:
    """The header's declarations as cffi wants them: without comments and directives, the status table written out."""
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    statuses = re.findall(r"X\((\w+), (-?\d+),", header)
    constants = re.findall(r"^#define (\w+) (\d+)$", header, flags=re.MULTILINE)
    header = re.sub(r"#ifdef __cplusplus.*?#endif", "", header, flags=re.DOTALL)
    header = re.sub(r"^#(?:.*\\\n)*.*\n", "", header, flags=re.MULTILINE)
    table = "".join(f"{name} = {code}," for name, code in statuses)
    header = header.replace("FML_STATUS_TABLE(X)", table)
    return "".join(f"#define {name} {value}\n" for name, value in constants) + header


ffibuilder = FFI()
ffibuilder.cdef(declarations(HEADER.read_text()) + PORT + declarations(CAPACITOR.read_text()))
ffibuilder.set_source(
    "freeml_pack._engine",
    SOURCE,
    sources=sorted(str(path.relative_to(ROOT)) for folder in (CORE, HERE) for path in folder.rglob("*.c")),
    include_dirs=["native/include", "native/src", "native/ports/cpython"],
    libraries=["m"],
    extra_compile_args=["-std=c99", "-O3"],
)
