"""Float graph and data -> range of every tensor."""

from freeml_pack.calibrate.ranges import Calibration, Progress, Range, calibrate

__all__ = ["Calibration", "Progress", "Range", "calibrate"]
