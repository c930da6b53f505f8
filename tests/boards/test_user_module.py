"""freeml_core compiled into firmware as a user C module, by make and by CMake."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from boards.conftest import start
from boards.emulator import BUILDS, FIRMWARE, ROOT
from packed import Packed

pytestmark = pytest.mark.xdist_group("boards")
PORTS = ROOT / "native" / "ports"

MAIN = """
import freeml_core, machine, sys
from freeml import Model
try:
    with open("/sample.bin", "rb") as file:
        sample = file.read()
    model = Model("/rom/model.fml")
    model.infer(sample)
    print(bytes(model.output()).hex(), hasattr(freeml_core, "__file__"))
except BaseException as error:
    sys.print_exception(error)
machine.reset()
"""


def test_make(source: Path, tmp_path: Path, package: dict[str, bytes], lenet5: Packed) -> None:
    """micropython.mk, as USER_C_MODULES of a port finds it: the same module and the same bytes, without a file."""
    emulator = start("m3", source, tmp_path, modules=PORTS)
    flash = {f"/lib/{name}": content for name, content in package.items()}
    flash |= {"/sample.bin": lenet5.samples[0].tobytes(), "/main.py": MAIN.encode()}
    emulator.install(flash, rom={"model.fml": lenet5.blob})
    assert emulator.run() == (f"{lenet5.expected[0].tobytes().hex()} False\n", False)


CMAKE = """
cmake_minimum_required(VERSION 3.13)
project(firmware C)
include(${MICROPY_DIR}/py/usermod.cmake)
file(WRITE ${CMAKE_BINARY_DIR}/empty.c "")
add_library(firmware STATIC ${CMAKE_BINARY_DIR}/empty.c)
target_include_directories(firmware PRIVATE ${MICROPY_DIR} ${MICROPY_DIR}/ports/qemu ${FIRMWARE} ${GENERATED})
target_link_libraries(firmware usermod)
file(WRITE ${CMAKE_BINARY_DIR}/qstr_sources "${MICROPY_SOURCE_USERMOD}")
"""
CPU = "-mcpu=cortex-m3 -mthumb -DQEMU_SOC_MPS2"


@pytest.mark.skipif(not shutil.which("cmake"), reason="cmake is not installed: tools/setup.sh develop does it")
def test_cmake(source: Path, tmp_path: Path) -> None:
    """micropython.cmake, with MicroPython's own rules for user modules, compiles and brings the module and the core."""
    start("m3", source, tmp_path, modules=PORTS)  # for its generated headers
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    settings = {
        "CMAKE_SYSTEM_NAME": "Generic",
        "CMAKE_C_COMPILER": "arm-none-eabi-gcc",
        "CMAKE_TRY_COMPILE_TARGET_TYPE": "STATIC_LIBRARY",
        "CMAKE_C_FLAGS": f"{CPU} -DMP_CONFIGFILE='\"board_config.h\"' -DROM_PARTITION=0",
        "MICROPY_DIR": source,
        "USER_C_MODULES": PORTS / "micropython" / "micropython.cmake",
        "FIRMWARE": FIRMWARE,
        "GENERATED": BUILDS / "m3-ports",
    }
    build = tmp_path / "build"
    command = ["cmake", "-S", tmp_path, "-B", build, *(f"-D{name}={value}" for name, value in settings.items())]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "Found User C Module(s): usermod_freeml_core" in said.stdout + said.stderr
    subprocess.run(["cmake", "--build", build, "-j2"], check=True, capture_output=True)
    symbols = subprocess.run(["arm-none-eabi-nm", build / "libfirmware.a"], check=True, capture_output=True, text=True).stdout
    defined = {line.split()[2] for line in symbols.splitlines() if len(line.split()) == 3 and line.split()[1] in "TDRB"}
    assert {"freeml_core_module", "fml_model_open", "fml_session_step"} <= defined
    assert "freeml_core.c" in (build / "qstr_sources").read_text()
