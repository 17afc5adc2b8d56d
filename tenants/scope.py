"""Whose rows a sweep handles at a moment: everybody's, one tenant's, or everybody's but those of some."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

Rows = TypeVar("Rows", bound=QuerySet[Any])


@dataclass(frozen=True, kw_only=True)
class Scope:
    only: UUID | None = None
    but: frozenset[UUID] = frozenset()

    def of(self, rows: Rows, tenant: str = "tenant") -> Rows:
        """Of rows, those in scope; `tenant` leads from a row to its tenant."""
        if self.only is not None:
            return rows.filter(**{tenant: self.only})
        return rows.exclude(**{f"{tenant}__in": self.but}) if self.but else rows


EVERYBODY = Scope()

BATCH = 500


def in_batches(rows: QuerySet[Any], moment: str, *, size: int = BATCH) -> Iterator[UUID]:
    """
    The keys of what is due, the earliest by `moment` first, so many at a time: a sweep that was away for long never
    holds all of them. One that cannot be carried on is passed by, and stands in nobody's way.
    """
    after = Q()
    while True:
        found = list(rows.filter(after).order_by(moment, "pk").values_list(moment, "pk")[:size])
        yield from (pk for _at, pk in found)
        if len(found) < size:
            return
        at, last = found[-1]
        after = Q(**{f"{moment}__gt": at}) | Q(**{moment: at, "pk__gt": last})
