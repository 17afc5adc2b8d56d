"""Free seats of what is the tenant's own, given by its admins wherever there is room."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Sum

from licensing.models import Product, Seat, Subscription, SubscriptionState
from licensing.models.seat import SeatQuerySet
from licensing.models.subscription import SubscriptionQuerySet
from licensing.operations import seats
from licensing.operations.seats import NoSeatLeft
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant


def free(tenant: Tenant, product: Product) -> int:
    """How many seats of a product the tenant has bought and nobody uses."""
    found = _of(tenant, product).aggregate(free=Sum(F("quantity") - F("seats_assigned")))
    return found["free"] or 0


def held_by(members: Sequence[Membership], product: Product) -> SeatQuerySet:
    """The seats of a product that people use for good: those of a trial end by themselves."""
    open_ = Seat.objects.with_access().filter(member__in=members, subscription__plan__product=product)
    return open_.exclude(subscription__state=SubscriptionState.TRIAL)


@transaction.atomic
def give(
    *, tenant: Tenant, product: Product, members: Sequence[Membership], by: Actor, at: datetime
) -> dict[UUID, Subscription]:
    """
    Give each member a free seat of the tenant's own, all or none, from what lasts longest. Whoever has a seat of the
    product keeps that one. Returns for each member's key where their seat is.

    :raises NotAllowed: `by` does not assign this tenant's seats
    :raises NotAMember: :raises MemberNotActive: as `seats.assign`
    :raises NoSeatLeft: fewer seats are free than members need one
    """
    by.require_in(tenant, Right.ASSIGN_CENTRAL_SEATS)
    # All of the product, in the order of their keys: whoever else gives or claims one of them waits, or was first.
    rows = list(_of(tenant, product).locked())
    held = held_by(members, product).select_related("subscription").order_by("pk")
    given = {seat.member_id: seat.subscription for seat in held}
    left = [member for member in members if member.pk not in given]
    free_now = sum(row.seats_free for row in rows)
    if len(left) > free_now:
        raise NoSeatLeft(seats.too_few_free(free_now, len(left)))
    for row in sorted(rows, key=_lasts, reverse=True):
        here, left = left[: row.seats_free], left[row.seats_free :]
        if here:
            seats.place(subscription=row, members=here, by=by, at=at)
            given |= dict.fromkeys((member.pk for member in here), row)
    return given


def _of(tenant: Tenant, product: Product) -> SubscriptionQuerySet:
    own = Subscription.objects.of(tenant).of_the_tenant_itself().with_access()
    return own.filter(plan__product=product)


def _lasts(subscription: Subscription) -> float:
    return subscription.state_ends_at.timestamp() if subscription.state_ends_at else 0
