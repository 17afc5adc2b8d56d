"""
Names for the ids that events hold, resolved when the journal is read.

The journal lies below the apps whose rows it tells about: each of them says here how its ids read.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from tenants.directory.models import Tenant
from tenants.journal.models import Event


@dataclass(frozen=True)
class Named:
    """What a row is called, and where to read it."""

    text: str
    url: str = ""

    def __str__(self) -> str:
        return self.text


# Given the acting tenant (none: an operator's view of all) and ids, the names of those that it finds.
Resolver = Callable[[Tenant | None, Collection[str]], Mapping[str, Named]]

# What every event has besides its data goes by these keys.
SUBJECT, ACTOR = "subject", "actor"

# What resolves the ids that stand under a key of an event's data, or its subject: `NAMES` of an app's naming.py.
Names = Mapping[str, Collection[Resolver]]


@cache
def _resolvers() -> Mapping[str, list[Resolver]]:
    """Those of every app that `JOURNAL_NAMES` lists."""
    found: dict[str, list[Resolver]] = defaultdict(list)
    for path in settings.JOURNAL_NAMES:
        names: Names = import_string(path)
        for key, resolvers in names.items():
            found[key].extend(resolvers)
    return found


def names_in(events: Iterable[Event], tenant: Tenant | None) -> dict[str, Named]:
    """Names by id for a page of events, each resolver asked at most once: an id that has a name is of no other kind."""
    resolvers = _resolvers()
    asked: dict[Resolver, set[str]] = defaultdict(set)
    for event in events:
        for key, value in [(SUBJECT, event.subject), (ACTOR, str(event.actor_id or "")), *_items(event.data)]:
            for resolver in resolvers.get(key, ()):
                asked[resolver].update(_ids(value))
    found: dict[str, Named] = {}
    for resolver, ids in asked.items():
        if left := _unnamed(ids, found):
            found.update(resolver(tenant, left))
    return found


def names_of(ids: Collection[str], tenant: Tenant | None, key: str = SUBJECT) -> dict[str, Named]:
    """Of what events are about, or of who did it, each kind asked at most once."""
    found: dict[str, Named] = {}
    for resolver in _resolvers().get(key, ()):
        if left := _unnamed(ids, found):
            found.update(resolver(tenant, left))
    return found


def _unnamed(ids: Iterable[str], found: Mapping[str, Named]) -> list[str]:
    """Those that something else may still be called by: words are not one kind's alone, as UUIDs are."""
    return [one for one in ids if one not in found or _uuid(one) is None]


def _items(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Also those of what stands inside, such as the old and the new terms of something."""
    for key, value in data.items():
        yield key, value
        if isinstance(value, dict):
            yield from _items(value)


def uuids(ids: Iterable[str]) -> list[UUID]:
    """Those that are UUIDs: subjects are of many kinds."""
    return [parsed for parsed in map(_uuid, ids) if parsed is not None]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _ids(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str) and one]
