"""Primary keys: UUIDv7, so that rows of one time lie together. Never a cursor for the journal."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A time-ordered UUID (RFC 9562, version 7)."""
    return uuid7()
