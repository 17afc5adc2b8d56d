"""
What can be done to many rows, by name:

    @deed("commerce.ask_to_cancel", title=_("Ask purchasers to cancel"), right=Right.END_PURCHASES_OF_OTHERS)
    def ask_to_cancel(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:

It loads its subject by right, calls one operation and answers with a short sentence on what came of it, or with
nothing. It stands in the `deeds.py` of its app. What the network is needed for, the operation leaves to a job.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from django.utils.functional import Promise

from tenants.access import Actor, Right


class UnknownDeed(LookupError):
    """No deed of that name is registered: a defect of the caller."""


class Work(Protocol):
    def __call__(self, subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str | Promise: ...


@dataclass(frozen=True, kw_only=True)
class Deed:
    """
    `right` is what a person must have in the organisation, when it starts and at each row. None: its rows stand in
    other organisations, and the deed asks in each of them; whoever started it decides about it. `about`: what it is
    given that names one thing which all of its rows are about, each with how its pages call that.
    """

    name: str
    title: str | Promise
    right: Right | None
    work: Work
    about: Mapping[str, str | Promise]


NOTHING: Mapping[str, str | Promise] = MappingProxyType({})
DEEDS: dict[str, Deed] = {}


def deed(
    name: str, *, title: str | Promise, right: Right | None, about: Mapping[str, str | Promise] = NOTHING
) -> Callable[[Work], Work]:
    def register(work: Work) -> Work:
        DEEDS[name] = Deed(name=name, title=title, right=right, work=work, about=about)
        return work

    return register


def deed_named(name: str) -> Deed:
    """:raises UnknownDeed:"""
    if name not in DEEDS:
        raise UnknownDeed(name)
    return DEEDS[name]


def done_elsewhere() -> list[str]:
    """Those whose rows stand in other organisations than the one where they were started."""
    return [deed.name for deed in DEEDS.values() if deed.right is None]


def title_of(name: str) -> str | Promise:
    """Also of one that no release of today knows."""
    return DEEDS[name].title if name in DEEDS else name


def about_of(name: str, given: Mapping[str, Any]) -> dict[str, str | Promise]:
    """Ids of what it is about, each with how that is called; of a deed that no release of today knows, none."""
    named = DEEDS[name].about if name in DEEDS else NOTHING
    return {str(given[key]): label for key, label in named.items() if given.get(key)}
