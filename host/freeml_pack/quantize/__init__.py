"""Float graph and calibration -> int8 graph."""

from freeml_pack.quantize.convert import quantize

__all__ = ["quantize"]
