"""The user's .npz: arrays, labels, layout, normalisation."""

from freeml_pack.data.binding import bind_data, bind_normalisation
from freeml_pack.data.layout import candidate_shapes
from freeml_pack.data.load import Data, Split, load_data

__all__ = ["Data", "Split", "bind_data", "bind_normalisation", "candidate_shapes", "load_data"]
