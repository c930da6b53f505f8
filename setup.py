"""Builds the C core into the Python package; everything else about the package is in pyproject.toml."""

from setuptools import setup

setup(cffi_modules=["native/ports/cpython/build_engine.py:ffibuilder"])
