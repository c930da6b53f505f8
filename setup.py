"""Builds the C core into the Python package and puts its sources there; all else about the package is in pyproject.toml."""

from pathlib import Path
from shutil import copytree

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithSources(build_py):
    """Firmware is compiled where the packer is installed (freeml_pack/firmware/native.py)."""

    def run(self):
        super().run()
        if not self.editable_mode:
            for folder in ("include", "src", "ports/msp430fr5994"):
                copytree(Path("native", folder), Path(self.build_lib, "freeml_pack", "native", folder), dirs_exist_ok=True)


setup(cffi_modules=["native/ports/cpython/build_engine.py:ffibuilder"], cmdclass={"build_py": BuildWithSources})
