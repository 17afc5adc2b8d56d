"""Which seats are wasted, and what helps against it; what that costs is told by whoever knows prices."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet

from licensing.models import ProductUse, Seat, Subscription, UnusedSince, Waste, WastedSeat
from licensing.models.waste import WastedSeatQuerySet
from tenants.directory.models import Tenant

# After how many days without use a seat counts as unused.
DAYS = (30, 60, 90, 180)
USUAL_DAYS = 90


class Remedy(StrEnum):
    """What helps; the one thing that is offered."""

    RELEASE = "release"
    ASK = "ask"
    GIVE = "give"
    TAKE_OVER = "take_over"


def found(tenant: Tenant, waste: Waste, *, days: int = USUAL_DAYS, at: datetime) -> WastedSeatQuerySet:
    """
    A tenant's seats that are wasted so, with people and purchase. Of which products is asked beforehand: a long list is
    read faster then.
    """
    unused, free = None, list(_free_products(tenant)) if waste == Waste.BESIDE_CENTRAL else []
    if waste == Waste.UNUSED:
        since = dict(ProductUse.objects.of(tenant).reported_products(at, days).values_list("product", "since"))
        for_long = sorted(pk for pk, first in since.items() if first <= at - timedelta(days=days))
        unused = UnusedSince(days=days, reported=sorted(since), for_long=for_long)
    rows: WastedSeatQuerySet = WastedSeat.objects.found(waste, tenant, at=at, unused=unused, free=free)
    return rows.with_purchase()


def part(tenant: Tenant, waste: Waste, *, at: datetime) -> WastedSeatQuerySet:
    """As `found`, for a part of another query: of which products is asked in it."""
    reported = ProductUse.objects.of(tenant).reported_products(at, USUAL_DAYS)
    for_long = reported.filter(since__lte=at - timedelta(days=USUAL_DAYS))
    unused = UnusedSince(days=USUAL_DAYS, reported=reported.values("product"), for_long=for_long.values("product"))
    return WastedSeat.objects.found(waste, tenant, at=at, unused=unused, free=_free_products(tenant))


def _free_products(tenant: Tenant) -> QuerySet[Any, str]:
    own = Subscription.objects.of(tenant).central_with_access().with_room().order_by()
    return own.values_list("plan__product", flat=True).distinct()


def remedy(seat: Seat, waste: Waste) -> Remedy:
    """The tenant gives back its own; who manages a purchase is asked, and where nobody is left it is taken over."""
    owner = seat.subscription.owner
    if owner is None:
        return Remedy.RELEASE
    if waste == Waste.BESIDE_CENTRAL:
        return Remedy.GIVE
    return Remedy.ASK if owner.is_active else Remedy.TAKE_OVER
