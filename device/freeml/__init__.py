"""Neural networks that survive power cuts, on MicroPython.

from freeml import Model

model = Model("model.fml", nvm="model.nvm")
answer = model.resume() or model.infer(sample)
"""

from .model import Model, Prediction
from .nvm import NVM, FileNVM

__all__ = ("NVM", "FileNVM", "Model", "Prediction")
