"""What the address of a list asks for, and what of it cannot be asked. Said in one way by all lists of the admin."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from tenants.refusal import BadInput

PAGE = "p"
# Of what: notices are turned by another name.
PAGES = (PAGE, "page")
UNKNOWN, REPEATED = "unknown_field", "repeated"
LONGEST_SAID = 40


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """
    Something that cannot be asked. `title`: of the field that it stands in; none: it has no field on this page.
    `without`: the address that asks for all the rest.
    """

    name: str
    title: str | Promise
    said: str
    without: str
    was_never_right: bool


def no_filter(name: str) -> BadInput:
    return BadInput(_("There is no filter “%(name)s”.") % {"name": shortened(name)}, field=name, code=UNKNOWN)


def shortened(name: str) -> str:
    """As much of what somebody typed into an address as a sentence holds."""
    return Truncator(name).chars(LONGEST_SAID)


def repeated(name: str) -> BadInput:
    return BadInput(_("Asked for more than once. Ask for one value."), field=name, code=REPEATED)


def unanswerable(query: QueryDict, *, known: Container[str], many: Container[str] = ()) -> list[BadInput]:
    """
    What an address names that is no filter of its list, or names with two values; `many` may have several. What is
    empty asks for nothing.
    """
    asked = {name: {value.strip() for value in values} for name, values in query.lists()}
    unknown = [no_filter(name) for name, values in asked.items() if values != {""} and name not in known]
    return unknown + [
        repeated(name) for name, values in asked.items() if len(values) > 1 and name in known and name not in many
    ]


def told(wrong: Iterable[BadInput], query: QueryDict, titles: Mapping[str, Any]) -> list[Wrong]:
    """As a page shows it; `titles` are those of its fields."""
    return [
        Wrong(
            name=str(bad.field),
            title=titles.get(str(bad.field), ""),
            said=str(bad),
            without=_without(query, str(bad.field)),
            was_never_right=bad.field_code in (UNKNOWN, REPEATED),
        )
        for bad in wrong
    ]


def status_of(wrong: Iterable[Wrong]) -> int:
    """An address that names no filter was never right; one with a value that nothing has may have been so before."""
    return 400 if any(each.was_never_right for each in wrong) else 200


def number_in(query: Mapping[str, str], name: str = PAGE) -> int:
    """Of the page that an address asks for: the first, where it names none, and 0 where no page is called so."""
    text = query.get(name, "") or "1"
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _without(query: QueryDict, *names: str) -> str:
    left = query.copy()
    for name in (*names, *PAGES):
        left.pop(name, None)
    return f"?{left.urlencode()}"
