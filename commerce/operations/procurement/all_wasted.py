"""Every kind of waste at once, as a part of a query that is asked anyway: the same figures as `wasted` has of one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, OuterRef, Subquery, TextField
from django.db.models.functions import Cast, JSONObject

from commerce.models import BillingPeriod
from commerce.operations.procurement.wasted import MOST_SUMMED, Sum, a_month, costs_of
from licensing.models import Waste
from licensing.operations import central_seats, waste
from tenants.access import Actor, Right
from tenants.directory.models import Tenant

# Where people use more seats than a list of waste sums up, each list tells its own.
MOST_SEATS = MOST_SUMMED


def parts(tenant: Tenant, *, by: Actor, at: datetime) -> list[ArraySubquery]:
    """What `read` reads: the seats of each kind, and what of its own the tenant can give."""
    free = central_seats.free_by_product(tenant).filter(free__gt=0)
    of_each: Any = free.values_list(JSONObject(product=F("plan__product"), free=F("free")))
    return [*(_seats(kind, tenant, by, at) for kind in Waste), ArraySubquery(of_each)]


def _seats(kind: Waste, tenant: Tenant, by: Actor, at: datetime) -> ArraySubquery:
    """By purchase: what each of them costs is looked up once."""
    rows = waste.part(tenant, kind, at=at).order_by()
    said: dict[str, Any] = {
        "subscription": F("subscription"),
        "product": F("subscription__plan__product"),
        "seats": Count("pk"),
    }
    if by.may(Right.SEE_ALL_PURCHASES):
        # As `with_price`, without what a trial was promised: nobody pays for one, so that none of it is wasted.
        period = BillingPeriod.objects.of_terms_till_now().filter(tenant=tenant, subscription=OuterRef("subscription"))
        # As text: what JSON calls a number would be rounded on its way.
        price = JSONObject(
            amount=Cast("unit_price", TextField()), currency=F("currency"), term=F("subscription__plan__term")
        )
        said["price"] = Subquery(period.values_list(price)[:1])
    purchases: Any = rows.values("subscription", "subscription__plan__product").values_list(JSONObject(**said))
    return ArraySubquery(purchases)


def read(found: Sequence[Any]) -> dict[Waste, Sum]:
    """By kind, what the `parts` of a row hold."""
    *kinds, free = found
    left = {row["product"]: row["free"] for row in free}
    return {
        kind: _sum(purchases, left if kind == Waste.BESIDE_CENTRAL else None)
        for kind, purchases in zip(Waste, kinds, strict=True)
    }


def _sum(purchases: Sequence[Mapping[str, Any]], left: Mapping[str, int] | None) -> Sum:
    told = {
        each["subscription"]: a_month(Decimal(price["amount"]), price["term"], price["currency"])
        for each in purchases
        if (price := each.get("price"))
    }
    counted = Counter({(each["subscription"], each["product"]): each["seats"] for each in purchases})
    return Sum(seats=counted.total(), or_more=False, costs=costs_of(counted, told, left))
