"""What a query finds, whole: row by row, however many there are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast
from uuid import UUID

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from commerce import money
from commerce.models import Purchase
from commerce.models.purchase import PurchaseQuerySet
from commerce.operations.pricing import next_charge
from commerce.operations.pricing.next_charge import NextCharge
from commerce.operations.procurement import found, policy_values
from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.journal import events
from tenants.spreadsheets import Cell

# So many are read at once, and kept in memory.
READ_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Line:
    """A purchase with what is fetched for many at once."""

    purchase: Purchase
    charge: NextCharge | None
    policy: str


@dataclass(frozen=True, kw_only=True)
class Column:
    label: str | Promise
    value: Callable[[Line], Cell]
    # Only for those who are told prices, or who may read policies.
    of_money: bool = False
    of_policy: bool = False


def _renews(line: Line) -> str:
    return "on" if line.purchase.auto_renew and line.purchase.gives_access else "off"


# By the names that JSON has; contract.md's for what the API also tells.
COLUMNS: dict[str, Column] = {
    "id": Column(label=_("Id"), value=lambda line: str(line.purchase.pk)),
    "tenant": Column(label=_("Organisation"), value=lambda line: line.purchase.tenant.slug),
    "product": Column(label=_("Product"), value=lambda line: line.purchase.plan.product.name),
    "plan": Column(label=_("Plan"), value=lambda line: line.purchase.plan_id),
    "channel": Column(label=_("Channel"), value=lambda line: line.purchase.channel),
    "purchaser": Column(label=_("Purchaser"), value=lambda line: str(line.purchase.purchaser)),
    "purchaser_email": Column(label=_("Purchaser’s e-mail"), value=lambda line: line.purchase.purchaser.user.email),
    "department": Column(label=_("Department"), value=lambda line: str(line.purchase.purchaser.department or "")),
    "quantity": Column(label=_("Quantity"), value=lambda line: line.purchase.quantity),
    "seats_assigned": Column(label=_("Used"), value=lambda line: line.purchase.seats_assigned),
    "currency": Column(label=_("Currency"), value=lambda line: line.purchase.currency, of_money=True),
    "unit_price": Column(label=_("Unit price"), value=lambda line: line.purchase.unit_price, of_money=True),
    "paid": Column(label=_("Price paid"), value=lambda line: line.purchase.paid, of_money=True),
    "refunded": Column(label=_("Refunded"), value=lambda line: line.purchase.refunded, of_money=True),
    "next_charge": Column(
        label=_("Next charge"), value=lambda line: line.charge.total if line.charge else None, of_money=True
    ),
    "next_charge_at": Column(
        label=_("Next charge on"), value=lambda line: line.charge.at if line.charge else None, of_money=True
    ),
    "term_start": Column(label=_("Term begins"), value=lambda line: line.purchase.term_start),
    "term_end": Column(label=_("Expires"), value=lambda line: line.purchase.term_end),
    "ended_at": Column(label=_("Ended on"), value=lambda line: line.purchase.ended_at),
    "auto_renew": Column(label=_("Renewal"), value=_renews),
    "state": Column(label=_("State"), value=lambda line: line.purchase.state),
    "policy": Column(label=_("Policy"), value=lambda line: line.policy, of_policy=True),
    "created_at": Column(label=_("Bought"), value=lambda line: line.purchase.created_at),
}


@dataclass(frozen=True, kw_only=True)
class Export:
    """`names` of `COLUMNS`, and the cells of each purchase in their order; newest first. Money is in `currency`."""

    names: Sequence[str]
    rows: Iterator[list[Cell]]


def begin(*, query: Mapping[str, str], format: str, by: Actor, at: datetime, tenant: Tenant | None = None) -> Export:
    """
    Begin to read what a query finds; the journal keeps who did, and which filters were set. `tenant`: of an operator
    or the system, whose.

    :raises NotAllowed: somebody who may not take purchases away as a file
    :raises BadInput: a filter that does not exist, or a value that nothing can have
    """
    whose = tenant or by.tenant
    if by.is_operator or by.is_system:
        by.require_operator()
    else:
        by.require(Right.EXPORT_PURCHASES)
    rows = found.purchases(by=by, query=query, at=at, tenant=tenant)
    filters = sorted(found.asked(query))
    events.record("purchases.exported", tenant=whose, by=by, at=at, format=format, filters=filters)
    names = _readable(by)
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
    rows = Purchase.objects.for_procurement().with_renewal_price(after_paid=True)
    rows = rows.select_related("purchaser__department")
    return rows if by.is_system else rows.priced_for(by)
