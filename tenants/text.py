"""What counts as text: what PostgreSQL can store and UTF-8 can say; and what may be shown to others."""

import unicodedata

from django.utils.translation import gettext_lazy as _

from tenants.refusal import BadInput

# Marks that turn the direction of what follows: a name with one can look like another.
TURNS_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def require_one_line(text: str, *, field: str) -> None:
    """:raises BadInput: line breaks, other control characters, or marks that turn the direction of writing"""
    if any(_is_control(character) for character in text):
        raise BadInput(_("Use one line of ordinary characters."), field=field, code="character_not_allowed")


def require_plain(text: str, *, field: str) -> None:
    """As `require_one_line`, but lines may break. :raises BadInput:"""
    require_one_line(text.replace("\r\n", "\n").replace("\n", " "), field=field)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc" or character in TURNS_DIRECTION


def is_clean(text: str) -> bool:
    """No NUL, which PostgreSQL refuses, and no half of a surrogate pair, which cannot be encoded."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
