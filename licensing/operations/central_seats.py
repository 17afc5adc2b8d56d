"""Free seats of what is the tenant's own, given by its admins wherever there is room."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet, Sum

from licensing.models import Product, Seat, Subscription, SubscriptionState
from licensing.models.seat import SeatQuerySet
from licensing.models.subscription import SubscriptionQuerySet, seats_free
from licensing.operations import seats
from licensing.operations.seats import NoSeatLeft
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant
from tenants.journal import events


def free(tenant: Tenant, product: Product) -> int:
    """How many seats of a product the tenant has bought and can give."""
    return free_of_each(tenant, [product.pk]).get(product.pk, 0)


def free_of_each(tenant: Tenant, products: Collection[str]) -> dict[str, int]:
    """As `free`, by product; one query."""
    rows = free_by_product(tenant).filter(plan__product__in=products)
    return {row["plan__product"]: row["free"] for row in rows}


def free_by_product(tenant: Tenant) -> "QuerySet[Any, Any]":
    """How many are `free` of each `plan__product`."""
    own = Subscription.objects.of(tenant).central_with_access()
    rows: QuerySet[Any, Any] = own.order_by().values("plan__product").annotate(free=Sum(seats_free()))
    return rows


def own(tenant: Tenant, product: Product) -> SubscriptionQuerySet:
    """Of a product, what is the tenant's own and gives access."""
    return Subscription.objects.of(tenant).central_with_access().filter(plan__product=product)


def longest_first(rows: Iterable[Subscription]) -> list[Subscription]:
    """In the order in which their seats are given: whoever gets one keeps it as long as can be."""
    return sorted(rows, key=_lasts, reverse=True)


def used_by(members: Collection[Membership] | Collection[UUID]) -> SeatQuerySet:
    """The seats that people use for good: those of a trial end by themselves."""
    return Seat.objects.with_access().filter(member__in=members).exclude(subscription__state=SubscriptionState.TRIAL)


def held_by(members: Sequence[Membership], product: Product) -> SeatQuerySet:
    """Those of a product."""
    return used_by(members).filter(subscription__plan__product=product)


def own_held_by(members: Sequence[Membership], product: Product) -> SeatQuerySet:
    """Those of them that are the tenant's own."""
    return held_by(members, product).filter(subscription__owner=None)


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
    return _spread(tenant, product, members, held_by(members, product), by=by, at=at)


@transaction.atomic
def give_own(
    *, tenant: Tenant, product: Product, members: Sequence[Membership], by: Actor, at: datetime
) -> dict[UUID, Subscription]:
    """
    As `give`, for people who may have a seat that somebody bought: only one of the tenant's own counts as theirs.

    :raises NotAllowed: :raises NotAMember: :raises MemberNotActive: :raises NoSeatLeft: as `give`
    """
    by.require_in(tenant, Right.ASSIGN_CENTRAL_SEATS)
    return _spread(tenant, product, members, own_held_by(members, product), by=by, at=at)


def without_own(*, tenant: Tenant, product: Product, members: Iterable[Membership]) -> list[Membership]:
    """Of people, those who have no seat of the tenant's own; one query."""
    members = list(members)
    held = set(own_held_by(members, product).values_list("member_id", flat=True))
    return [member for member in members if member.pk not in held]


@transaction.atomic
def claim(*, tenant: Tenant, product: Product, member: Membership, by: Actor, at: datetime) -> Seat | None:
    """
    Give somebody a free seat of the tenant's own because they use the product, for a caller who has asked whether the
    tenant lets them. None: none is free, or they have a seat by now.
    """
    rows = list(own(tenant, product).locked())
    if held_by([member], product).exists():
        return None
    longest = next((row for row in longest_first(rows) if row.seats_free > 0), None)
    if longest is None:
        return None
    [seat] = seats.place(subscription=longest, members=[member], by=by, at=at)
    seat.auto_claimed = True
    seat.save(update_fields=["auto_claimed"])
    events.record("seat.claimed", tenant=tenant, by=by, at=at, subject=longest.pk, member=member.pk)
    return seat


def _spread(
    tenant: Tenant, product: Product, members: Sequence[Membership], held: SeatQuerySet, *, by: Actor, at: datetime
) -> dict[UUID, Subscription]:
    """`held`: which of their seats count as theirs already, asked under the lock."""
    # All of the product, in the order of their keys: whoever else gives or claims one of them waits, or was first.
    rows = list(own(tenant, product).locked())
    given = {seat.member_id: seat.subscription for seat in held.select_related("subscription").order_by("pk")}
    left = [member for member in members if member.pk not in given]
    free_now = sum(row.seats_free for row in rows)
    if len(left) > free_now:
        raise NoSeatLeft(seats.too_few_free(free_now, len(left)))
    for row in longest_first(rows):
        here, left = left[: row.seats_free], left[row.seats_free :]
        if here:
            seats.place(subscription=row, members=here, by=by, at=at)
            given |= dict.fromkeys((member.pk for member in here), row)
    return given


def _lasts(subscription: Subscription) -> float:
    return subscription.state_ends_at.timestamp() if subscription.state_ends_at else 0
