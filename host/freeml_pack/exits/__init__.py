"""Early exits: chosen, trained, calibrated, measured."""

from freeml_pack.exits.stages import ExitResult, Trained, measure, set_thresholds, train_exits

__all__ = ["ExitResult", "Trained", "measure", "set_thresholds", "train_exits"]
