"""ExportedProgram -> Graph."""

from freeml_pack.frontend.to_graph.convert import to_graph

__all__ = ["to_graph"]
