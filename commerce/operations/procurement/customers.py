"""
What a partner's people see of their customers side by side: what each lets them do, its key figures, and the purchases
of all of them, each by what they may see when they act there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from commerce.models import Purchase
from commerce.models.purchase import PurchaseQuerySet
from commerce.operations.procurement import found
from licensing.models import SeatTally
from tenants.access import Actor, Right, delegate_of
from tenants.directory.delegations import Delegation
from tenants.directory.models import Tenant, User
from tenants.refusal import BadInput

FIGURES = ("all_purchases", "all_seats", "all_used")
# Of the queries here alone: which customer, by its short name.
CUSTOMER = "customer"


@dataclass(frozen=True, kw_only=True)
class Customer:
    """One customer; the figures are None where somebody who acts there would not see them."""

    tenant: Tenant
    roles: list[str]
    ends_at: datetime
    purchases: int | None
    seats: int | None
    used: int | None
    # The figures are of all that is bought there; who is told none may still see what is bought centrally.
    has_purchases: bool


def acting(user: User, delegations: Sequence[Delegation]) -> list[Actor]:
    """Somebody as they may act for each of the customers that have let them in."""
    return [delegate_of(user, each) for each in delegations]


def priced(customers: Sequence[Actor]) -> list[UUID]:
    """Those of whose purchases the price is told."""
    return [there.organisation.pk for there in customers if there.may(Right.SEE_ALL_PURCHASES)]


def see_the_same(customers: Sequence[Actor]) -> bool:
    """Whether all that they see of any of them is told in figures, too: nobody sees a part of its purchases."""
    return all(there.may(Right.SEE_PURCHASES) or not there.may(Right.SEE_CENTRAL_PURCHASES) for there in customers)


def called(customers: Sequence[Actor], slug: str) -> list[Actor]:
    """
    The one of this short name; all, where none is named.

    :raises BadInput: none of them has it
    """
    there = [customer for customer in customers if slug in ("", customer.organisation.slug)]
    if slug and not there:
        raise BadInput(_("There is no such customer."), field=CUSTOMER, code="does_not_exist")
    return there


def purchases(
    *, customers: Sequence[Actor], query: Mapping[str, str], zone: ZoneInfo, at: datetime
) -> tuple[PurchaseQuerySet, list[BadInput]]:
    """
    Of all of them what a query finds, in the language of `found` and by customer, and everything that is wrong with
    it; then nothing. Days are those of `zone`, months each customer's own.
    """
    asked = found.asked(query)
    try:
        there = called(customers, asked.pop(CUSTOMER, ""))
    except BadInput as bad:
        return Purchase.objects.none(), [bad]
    reader = found.Reader(among=[one.organisation.pk for one in there], priced=priced(there), zone=zone, at=at)
    return found.narrowed(Purchase.objects.visible_to_any(there), asked, reader)


def of(user: User, delegations: Sequence[Delegation]) -> list[Customer]:
    """In the order of the delegations, with one query for all figures."""
    actors = {each.tenant_id: delegate_of(user, each) for each in delegations}
    seen = {tenant for tenant, there in actors.items() if there.may(Right.SEE_PURCHASES)}
    rows: Any = SeatTally.objects.among(seen).summed_by("tenant") if seen else ()
    figures = {row["tenant"]: [row[name] for name in FIGURES] for row in rows}
    told = []
    for each in delegations:
        purchases, seats, used = figures.get(each.tenant_id, (0, 0, 0)) if each.tenant_id in seen else (None,) * 3
        told.append(
            Customer(
                tenant=each.tenant,
                roles=each.role_names,
                ends_at=each.ends_at,
                purchases=purchases,
                seats=seats,
                used=used,
                has_purchases=actors[each.tenant_id].may(Right.SEE_CENTRAL_PURCHASES),
            )
        )
    return told
