"""The first page of the procurement view; `context` is named in config.appearance as unfold's dashboard."""

from config.home.page import context

__all__ = ["context"]
