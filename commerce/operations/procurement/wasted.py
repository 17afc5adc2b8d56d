"""What wasted seats cost a month: each as its purchase is charged, for those who are told prices."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from commerce import money
from commerce.models import CancellationRequest, Purchase
from commerce.operations.centralising.costs import times_a_year
from licensing.models import Waste
from licensing.models.waste import WastedSeatQuerySet
from licensing.operations import central_seats
from tenants.access import Actor, Right
from tenants.directory.models import Tenant

# So many seats are counted and summed up where a list begins; whoever has more reads "more than".
MOST_SUMMED = 2_000
MONTHS = 12


@dataclass(frozen=True, kw_only=True)
class Price:
    """Of one seat in a month; an annual plan's is a twelfth of the year."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True)
class Sum:
    """Of a list: how many seats, `or_more` where they were not all counted, and by currency what they cost a month."""

    seats: int
    or_more: bool
    costs: dict[str, Decimal]


def a_month(unit_price: Decimal, term: str, currency: str) -> Price:
    return Price(amount=money.rounded(unit_price * times_a_year(term) / MONTHS, currency), currency=currency)


def prices(subscriptions: Collection[UUID], *, by: Actor) -> dict[UUID, Price]:
    """Of a seat of each purchase; of none where nothing is charged, or for who is not told. One query."""
    if not by.may(Right.SEE_ALL_PURCHASES):
        return {}
    mine = Purchase.objects.of(by.organisation).filter(pk__in=subscriptions)
    rows = cast("Iterable[Purchase]", mine.with_price().select_related("plan"))
    return {
        row.pk: a_month(row.unit_price, row.plan.term, row.currency)
        for row in rows
        if row.unit_price is not None and row.currency
    }


def asked(subscriptions: Collection[UUID]) -> set[UUID]:
    """Those of purchases that somebody was asked to cancel, without an answer yet."""
    waiting = CancellationRequest.objects.waiting().filter(subscription__in=subscriptions)
    return set(waiting.values_list("subscription", flat=True))


def summed(rows: WastedSeatQuerySet, waste: Waste, *, tenant: Tenant, by: Actor, at: datetime) -> Sum:
    """
    What a list comes to. Of what was bought beside idle seats only as many count as lie idle: so many could be saved.
    Three queries, however many seats there are.
    """
    plain = rows.select_related(None).order_by("pk")
    found = list(plain.values_list("subscription", "subscription__plan__product")[: MOST_SUMMED + 1])
    counted = Counter(found[:MOST_SUMMED])
    told = prices([subscription for subscription, _product in counted], by=by)
    idle = waste == Waste.BESIDE_CENTRAL
    left = central_seats.free_of_each(tenant, {product for _key, product in counted}) if idle else None
    costs = costs_of(counted, told, left)
    return Sum(seats=counted.total(), or_more=len(found) > MOST_SUMMED, costs=costs)


def costs_of(
    counted: Mapping[tuple[Any, str], int], told: Mapping[Any, Price], left: Mapping[str, int] | None
) -> dict[str, Decimal]:
    """By currency, of seats by purchase and product. `left`: as many of a product as count at most; none: all do."""
    costs: dict[str, Decimal] = defaultdict(lambda: money.ZERO)
    rest = Counter(left)
    # The dearest first: those are given up first.
    for (subscription, product), seats in sorted(counted.items(), key=lambda each: -_amount(told.get(each[0][0]))):
        saved = seats if left is None else min(seats, rest[product])
        rest[product] -= saved
        price = told.get(subscription)
        if price is not None and saved:
            costs[price.currency] += price.amount * saved
    return dict(sorted(costs.items()))


def _amount(price: Price | None) -> Decimal:
    return price.amount if price else money.ZERO
