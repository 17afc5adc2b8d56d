"""The catalogue and the table of life in the procurement view."""

from licensing.admin import capacity, catalogue, life

__all__ = ["capacity", "catalogue", "life"]
