"""Which seats are wasted, and what helps against it; what that costs is told by whoever knows prices."""

from datetime import datetime, timedelta
from enum import StrEnum

from licensing.models import ProductUse, Seat, Subscription, UnusedSince, Waste, WastedSeat
from licensing.models.waste import Products, WastedSeatQuerySet
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


def found(
    tenant: Tenant, waste: Waste, *, days: int = USUAL_DAYS, at: datetime, at_once: bool = False
) -> WastedSeatQuerySet:
    """
    A tenant's seats that are wasted so, with people and purchase. Of which products is asked beforehand, as a long list
    is read faster then; `at_once`: it is not, for a part of another query.
    """
    unused = _unused_since(tenant, days, at, at_once) if waste == Waste.UNUSED else None
    free = _free_products(tenant, at_once) if waste == Waste.BESIDE_CENTRAL else ()
    rows: WastedSeatQuerySet = WastedSeat.objects.found(waste, tenant, at=at, unused=unused, free=free)
    return rows.with_purchase()


def _unused_since(tenant: Tenant, days: int, at: datetime, at_once: bool) -> UnusedSince:
    """Of which products use is reported, and of which for long enough; one query."""
    reported = ProductUse.objects.of(tenant).reported_products(at, days)
    long_ago = at - timedelta(days=days)
    if at_once:
        for_long = reported.filter(since__lte=long_ago)
        return UnusedSince(days=days, reported=reported.values("product"), for_long=for_long.values("product"))
    since = dict(reported.values_list("product", "since"))
    return UnusedSince(
        days=days, reported=sorted(since), for_long=sorted(pk for pk, first in since.items() if first <= long_ago)
    )


def _free_products(tenant: Tenant, at_once: bool) -> Products:
    own = Subscription.objects.of(tenant).central_with_access().with_room().order_by()
    free = own.values_list("plan__product", flat=True).distinct()
    return free if at_once else list(free)


def remedy(seat: Seat, waste: Waste) -> Remedy:
    """The tenant gives back its own; who manages a purchase is asked, and where nobody is left it is taken over."""
    owner = seat.subscription.owner
    if owner is None:
        return Remedy.RELEASE
    if waste == Waste.BESIDE_CENTRAL:
        return Remedy.GIVE
    return Remedy.ASK if owner.is_active else Remedy.TAKE_OVER
