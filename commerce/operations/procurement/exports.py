"""What a query finds, whole: row by row, however many there are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast
from uuid import UUID

from django.db.models import Q

from commerce import money
from commerce.models import Purchase
from commerce.models.purchase import PurchaseQuerySet
from commerce.operations.pricing import next_charge
from commerce.operations.procurement import columns, found, policy_values
from commerce.operations.procurement.columns import COLUMNS, Line
from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.journal import events
from tenants.spreadsheets import Cell

# So many are read at once, and kept in memory.
READ_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Export:
    """`names` of `COLUMNS`, and the cells of each purchase in their order; newest first. Money is in `currency`."""

    names: Sequence[str]
    rows: Iterator[list[Cell]]

    @property
    def heads(self) -> list[str]:
        return [str(COLUMNS[name].label) for name in self.names]


def begin(
    *,
    query: Mapping[str, str],
    chosen: Sequence[str] = (),
    format: str,
    by: Actor,
    at: datetime,
    tenant: Tenant | None = None,
) -> Export:
    """
    Begin to read what a query finds; the journal keeps who did, and which filters and columns were set. `chosen`: names
    of `COLUMNS`, in the order of the file; none: all. What the person may not read is left out. `tenant`: of an
    operator or the system, whose.

    :raises NotAllowed: somebody who may not take purchases away as a file
    :raises BadInput: a filter that does not exist, a value that nothing can have, or a column that does not exist
    """
    whose = tenant or by.tenant
    if by.is_operator or by.is_system:
        by.require_operator()
    else:
        by.require(Right.EXPORT_PURCHASES)
    readable = _readable(by)
    names = [name for name in columns.known(chosen) if name in readable] if chosen else readable
    rows = found.purchases(by=by, query=query, at=at, tenant=tenant)
    told = {"format": format, "filters": sorted(found.asked(query)), **({"columns": names} if chosen else {})}
    events.record("purchases.exported", tenant=whose, by=by, at=at, **told)
    return Export(names=names, rows=_cells(rows, names, by=by, at=at))


def _readable(by: Actor) -> list[str]:
    everything = by.is_operator or by.is_system
    prices = everything or by.may(Right.SEE_ALL_PURCHASES)
    policies = everything or by.may(Right.READ_POLICY)
    return [
        name
        for name, column in COLUMNS.items()
        if (prices or not column.of_money) and (policies or not column.of_policy)
    ]


def _cells(rows: PurchaseQuerySet, names: Sequence[str], *, by: Actor, at: datetime) -> Iterator[list[Cell]]:
    for chunk in _chunks(rows, by):
        charges = next_charge.of_each(chunk) if "next_charge" in names else {}
        values = policy_values.of_each(chunk, at=at) if "policy" in names else {}
        for purchase in chunk:
            line = Line(purchase=purchase, charge=charges.get(purchase.pk), policy=values.get(purchase.pk, ""))
            yield [_in_minor_digits(COLUMNS[name].value(line), purchase.currency) for name in names]


def _in_minor_digits(cell: Cell, currency: str | None) -> Cell:
    return money.rounded(cell, currency) if isinstance(cell, Decimal) and currency else cell


def _chunks(rows: PurchaseQuerySet, by: Actor) -> Iterator[list[Purchase]]:
    """Each begins behind the last row of the one before: the hundredth is as fast as the first."""
    newest_first = rows.order_by("-created_at", "-pk")
    keys = _next_keys(newest_first)
    while keys:
        whole = cast("dict[UUID, Purchase]", _whole(by).in_bulk([pk for _created, pk in keys]))
        yield [whole[pk] for _created, pk in keys if pk in whole]
        created_at, last = keys[-1]
        behind = Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=last)
        keys = _next_keys(newest_first.filter(behind, created_at__lte=created_at))


def _next_keys(rows: PurchaseQuerySet) -> list[tuple[datetime, UUID]]:
    return list(rows.values_list("created_at", "pk")[:READ_AT_ONCE])


def _whole(by: Actor) -> PurchaseQuerySet:
    rows = Purchase.objects.for_list()
    return rows if by.is_system else rows.priced_for(by)
