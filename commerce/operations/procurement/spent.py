"""
The purchases that a month's spend belongs to: those of whose orders the ledger's movements of that month say something.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from uuid import UUID

from django.db.models import DateField, F, Func, Q, QuerySet, Value
from django.db.models.functions import Cast

from commerce.models import Movement
from commerce.models.purchase import PurchaseQuerySet
from commerce.models.spend import SPENT_BY
from tenants.directory.models import Tenant

WRITTEN = re.compile(r"([12][0-9]{3})-(0[1-9]|1[0-2])(?: ([A-Za-z]{3}))?", re.ASCII)
# The local time of no place is further from another's, and the clock of no process.
FURTHEST = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Month:
    """`first` is its first day; `currency`: empty for all of them."""

    first: date
    currency: str = ""

    @classmethod
    def of(cls, text: str) -> "Month | None":
        """As it is written in a query: 2026-03, or 2026-03 USD."""
        found = WRITTEN.fullmatch(text)
        if found is None:
            return None
        return cls(first=date(int(found[1]), int(found[2]), 1), currency=(found[3] or "").upper())

    def __str__(self) -> str:
        return f"{self.first:%Y-%m} {self.currency}".rstrip()

    @property
    def after(self) -> date:
        """The first day of the next one."""
        return (self.first + timedelta(days=31)).replace(day=1)


def in_month(
    rows: PurchaseQuerySet, month: Month, *, tenant: Tenant | None, among: Collection[UUID] | None
) -> PurchaseQuerySet:
    """
    Those for which something was billed, credited or contested: in the month of one tenant, or without one in each
    tenant's own month, `among` some of them or None: all.
    """
    moved = _moved(month, tenant) if tenant is not None else _moved_anywhere(month, among)
    moved = moved.filter(currency=month.currency) if month.currency else moved
    # Nothing is spent on what is bought later. Read newest first, the rows of an old month are not looked for among all
    # that came since; the day is for clocks that differ.
    zone = tenant.zone if tenant is not None else UTC
    return rows.filter(pk__in=moved.values("order__subscription"), created_at__lt=_begins(month.after, zone) + FURTHEST)


def _moved(month: Month, tenant: Tenant) -> QuerySet[Movement]:
    """Read along the tenant's own index of moments."""
    begins, ends = _begins(month.first, tenant.zone), _begins(month.after, tenant.zone)
    return Movement.objects.of(tenant).filter(kind__in=SPENT_BY, at__gte=begins, at__lt=ends)


def _moved_anywhere(month: Month, among: Collection[UUID] | None) -> QuerySet[Movement]:
    moved = Movement.objects.filter(kind__in=SPENT_BY)
    moved = moved if among is None else moved.filter(tenant__in=among)
    first, after = _begins(month.first, UTC), _begins(month.after, UTC)
    near = moved.filter(at__gte=first - FURTHEST, at__lt=after + FURTHEST)
    # In the month wherever that is; only what is near its ends depends on the place.
    inside = Q(at__gte=first + FURTHEST, at__lt=after - FURTHEST)
    local = Func(F("tenant__time_zone"), F("at"), function="timezone")
    begun = Cast(Func(Value("month"), local, function="date_trunc"), DateField())
    return near.annotate(month=begun).filter(inside | Q(month=month.first))


def _begins(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
