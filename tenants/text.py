"""What counts as text: what PostgreSQL can store and UTF-8 can say; and what may be shown to others."""

import unicodedata

from django.utils.translation import gettext_lazy as _

from tenants.refusal import BadInput

# Of why somebody did something, as the journal keeps it.
LONGEST_REASON = 500
# Marks that turn the direction of what follows: a name with one can look like another.
TURNS_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def require_one_line(text: str, *, field: str) -> None:
    """:raises BadInput: line breaks, other control characters, or marks that turn the direction of writing"""
    if any(_is_control(character) for character in text):
        raise BadInput(_("Use one line of ordinary characters."), field=field, code="character_not_allowed")


def require_plain(text: str, *, field: str) -> None:
    """As `require_one_line`, but lines may break. :raises BadInput:"""
    require_one_line(text.replace("\r\n", "\n").replace("\n", " "), field=field)


def require_length(text: str, longest: int, *, field: str) -> None:
    """:raises BadInput: it is longer"""
    if len(text) > longest:
        said = _("Use at most %(longest)s characters.") % {"longest": longest}
        raise BadInput(said, field=field, code="max_length")


def checked(text: str, *, field: str, longest: int) -> str:
    """What somebody wrote, without space around it. :raises BadInput: too long, or not `require_plain`"""
    text = text.strip()
    require_length(text, longest, field=field)
    require_plain(text, field=field)
    return text


def checked_reason(reason: str, *, optional: bool = False) -> str:
    """:raises BadInput: it is missing or cannot be kept"""
    reason = reason.strip()
    if not reason and not optional:
        raise BadInput(_("Say why, in a few words."), field="reason", code="required")
    return checked(reason, field="reason", longest=LONGEST_REASON)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc" or character in TURNS_DIRECTION


def is_clean(text: str) -> bool:
    """No NUL, which PostgreSQL refuses, and no half of a surrogate pair, which cannot be encoded."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
