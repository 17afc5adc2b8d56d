"""
What a page showed, signed into a field beside its button: nothing else is done by it than was seen, and not long after.

    @dataclass(frozen=True, kw_only=True)
    class Seen:
        as_of: datetime
        total: Decimal

    field = sign(seen, SALT, person.pk, purchase.pk)              # only theirs, and only of this purchase
    seen = read_back(Seen, field, SALT, person.pk, purchase.pk)

A page's own room says in a dataclass what it must know again: moments, amounts, ids, plain values, or tuples of those.
"""

from dataclasses import fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints
from uuid import UUID

from django.core import signing

from tenants.dates import SHOWN_FOR

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# For what holds until something else of it changes, which its button looks up anew.
A_DAY = timedelta(days=1)

Seen = TypeVar("Seen", bound="DataclassInstance")


def sign(seen: "DataclassInstance", salt: str, *of: object) -> str:
    """`salt` names the page, `of` whom and what it was shown to and of: with anything else it is worth nothing."""
    return signing.dumps([_plain(getattr(seen, field.name)) for field in fields(seen)], salt=_salt(salt, of))


def read_back(
    kind: type[Seen], signed: str, salt: str, *of: object, holds_for: timedelta | None = SHOWN_FOR
) -> Seen | None:
    """None: not ours, of somebody or something else, of a page from before it told what it does now, or too old."""
    try:
        told = signing.loads(signed, salt=_salt(salt, of), max_age=holds_for)
        types = get_type_hints(kind)
        named = zip((field.name for field in fields(kind)), told, strict=True)
        return kind(**{name: _read(types[name], value) for name, value in named})
    except (signing.BadSignature, TypeError, ValueError, ArithmeticError):
        return None


def _salt(salt: str, of: tuple[object, ...]) -> str:
    return ".".join([salt, *map(str, of)])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Decimal) else value


def _read(kind: Any, value: Any) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind in (UUID, Decimal):
        return kind(value)
    return tuple(value) if isinstance(value, list) else value
