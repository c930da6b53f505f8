"""Float graph and calibration -> int8 graph."""

from freeml_pack.quantize.convert import quantize
from freeml_pack.quantize.exits import add_exits

__all__ = ["add_exits", "quantize"]
