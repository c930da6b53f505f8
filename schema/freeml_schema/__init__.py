"""The two byte formats as Python sees them: `journal` (construct) and `model` (generated from schema/model.fbs)."""
