"""Model files -> `Graph`. The only part of the packer, with training, that imports torch."""

from freeml_pack.frontend.load import load_model
from freeml_pack.frontend.loaded import LoadedModel

__all__ = ["LoadedModel", "load_model"]
