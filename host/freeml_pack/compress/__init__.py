"""Compression by training: a float graph that takes far fewer bytes once it is packed."""

from freeml_pack.compress.lowrank import factorise
from freeml_pack.compress.search import Compressed, Goal, LayerResult, compress

__all__ = ["Compressed", "Goal", "LayerResult", "compress", "factorise"]
