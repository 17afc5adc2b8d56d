"""Which seats are wasted, and what helps against it; what that costs is told by whoever knows prices."""

from datetime import datetime, timedelta
from enum import StrEnum

from licensing.models import ProductUse, Seat, UnusedSince, Waste, WastedSeat
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


def reporting(tenant: Tenant, *, days: int, at: datetime) -> UnusedSince:
    """Of which products use is reported, and of which for long enough; one query."""
    since = ProductUse.objects.of(tenant).reported_products(at, days)
    long_ago = at - timedelta(days=days)
    return UnusedSince(
        days=days, reported=sorted(since), for_long=sorted(pk for pk, first in since.items() if first <= long_ago)
    )


def found(tenant: Tenant, waste: Waste, *, days: int = USUAL_DAYS, at: datetime) -> WastedSeatQuerySet:
    """A tenant's seats that are wasted so, with people and purchase."""
    unused = (
        reporting(tenant, days=days, at=at)
        if waste == Waste.UNUSED
        else UnusedSince(days=days, reported=(), for_long=())
    )
    rows: WastedSeatQuerySet = WastedSeat.objects.found(waste, tenant, at=at, unused=unused)
    return rows.with_purchase()


def remedy(seat: Seat, waste: Waste) -> Remedy:
    """The tenant gives back its own; who manages a purchase is asked, and where nobody is left it is taken over."""
    owner = seat.subscription.owner
    if owner is None:
        return Remedy.RELEASE
    if waste == Waste.BESIDE_CENTRAL:
        return Remedy.GIVE
    return Remedy.ASK if owner.is_active else Remedy.TAKE_OVER
