"""Who uses a subscription."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from licensing.models import Seat, Subscription
from licensing.models.seat import SeatQuerySet
from licensing.operations.subscriptions import SubscriptionInactive, require_in_own_tenant, require_manager
from tenants.access import Actor, Right
from tenants.directory.models import Membership
from tenants.journal import events
from tenants.refusal import BadInput, Refused

MOST_AT_ONCE = 500


class NoSeatLeft(Refused):
    message = _("All seats of this subscription are taken.")


class NotAMember(BadInput):
    """Unknown, of another tenant, or a guest: the answer is the same for all three."""

    def __init__(self, email: str = "", *, field: str = "members") -> None:
        named = _("“%(email)s” is not a member of your organisation.") % {"email": email}
        super().__init__(named if email else _("Not a member of your organisation."), field=field, code="not_a_member")


class MemberNotActive(BadInput):
    def __init__(self, email: str = "", *, field: str = "members") -> None:
        message = _("The account of “%(email)s” is not active.") % {"email": email}
        super().__init__(message, field=field, code="member_not_active")


def members_by_email(emails: Sequence[str], *, by: Actor, field: str = "members") -> list[Membership]:
    """
    The actor's own tenant's members behind addresses, in their order, each once.

    :raises NotAMember: unknown, of another tenant, or a guest
    :raises MemberNotActive: disabled, or has left
    """
    wanted = list(dict.fromkeys(email.strip().lower() for email in emails))
    found = {
        m.user.email: m
        for m in Membership.objects.of(by.organisation).members().by_email(wanted).select_related("user", "tenant")
    }
    for email in wanted:
        if email not in found:
            raise NotAMember(email, field=field)
        if not found[email].is_active:
            raise MemberNotActive(email, field=field)
    return [found[email] for email in wanted]


def require_assigner(subscription: Subscription, by: Actor) -> None:
    """
    The owner gives the seats of a subscription; those of the tenant's own are given by its admins.

    :raises NotAllowed: neither
    """
    if subscription.owner_id is None:
        require_in_own_tenant(subscription, by, Right.ASSIGN_CENTRAL_SEATS)
    else:
        require_manager(subscription, by)


@transaction.atomic
def assign(*, subscription: Subscription, members: Sequence[Membership], by: Actor, at: datetime) -> list[Seat]:
    """
    Give each member a seat, all or none; a member who already has one keeps it. Returns one seat for each.

    :raises NotAllowed: `by` is neither its owner nor, where that is the tenant, an admin who assigns its seats
    :raises NotAMember: of another tenant, or a guest
    :raises MemberNotActive: disabled, or has left
    :raises SubscriptionInactive: the subscription is disabled or deleted
    :raises NoSeatLeft: fewer seats are free than members need one
    """
    # Row lock: seat changes of one subscription happen one after another; the CHECK on the row is the second wall.
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    require_assigner(subscription, by)
    return place(subscription=subscription, members=members, by=by, at=at)


def place(*, subscription: Subscription, members: Sequence[Membership], by: Actor, at: datetime) -> list[Seat]:
    """As `assign`, for a subscription that the caller has locked and may change."""
    if not subscription.gives_access:
        raise SubscriptionInactive
    members = _still_assignable(subscription, members)
    held = {seat.member_id: seat for seat in Seat.objects.open().filter(subscription=subscription, member__in=members)}
    new = [m for m in members if m.pk not in held]
    if len(new) > subscription.seats_free:
        raise NoSeatLeft(too_few_free(subscription.seats_free, len(new)))
    for seat in Seat.objects.bulk_create(
        Seat(tenant=subscription.tenant, subscription=subscription, member=m, assigned_at=at) for m in new
    ):
        held[seat.member_id] = seat
    if new:
        _count(subscription, len(new))
        events.record(
            "seat.assigned",
            tenant=subscription.tenant,
            by=by,
            at=at,
            subject=subscription.pk,
            members=[m.pk for m in new],
        )
    return [held[m.pk] for m in members]


@transaction.atomic
def release(*, subscription: Subscription, members: Sequence[Membership], by: Actor, at: datetime) -> list[Seat]:
    """
    Take the seats of members back, all or none; a member without one is left alone. Returns the seats released.

    :raises NotAllowed: as `assign`
    """
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    require_assigner(subscription, by)
    seats = list(Seat.objects.open().filter(subscription=subscription, member__in=members).order_by("pk"))
    return _release(subscription, seats, by=by, at=at)


@transaction.atomic
def release_one(*, seat_id: UUID, subscription: Subscription, by: Actor, at: datetime) -> Seat | None:
    """Take one seat back. Released already: nothing changes. :raises NotAllowed: as `assign`"""
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    require_assigner(subscription, by)
    seats = list(Seat.objects.open().filter(subscription=subscription, pk=seat_id))
    return next(iter(_release(subscription, seats, by=by, at=at)), None)


@transaction.atomic
def release_of(*, member: Membership, by: Actor, at: datetime) -> list[Seat]:
    """Take back every seat that somebody who is gone holds in their tenant, for a caller who has asked who may."""
    held = Seat.objects.open().filter(member=member)
    released = []
    for subscription in Subscription.objects.filter(pk__in=held.values("subscription")).locked():
        mine = list(held.filter(subscription=subscription).order_by("pk"))
        released += _release(subscription, mine, by=by, at=at)
    return released


def vacate(*, subscription: Subscription, by: Actor, at: datetime) -> list[Seat]:
    """Take every seat back, for a subscription that the caller has locked and is about to delete."""
    return _release(
        subscription, list(Seat.objects.open().filter(subscription=subscription).order_by("pk")), by=by, at=at
    )


def take_back(*, subscription: Subscription, seats: Collection[UUID], by: Actor, at: datetime) -> list[Seat]:
    """Take back those of some seats that are still held, for a subscription that the caller has locked."""
    held = Seat.objects.open().filter(subscription=subscription, pk__in=seats).order_by("pk")
    return _release(subscription, list(held), by=by, at=at)


def newest(subscription: Subscription, count: int) -> SeatQuerySet:
    """The seats that were given last, with their people: those that go first where a subscription shrinks."""
    return Seat.objects.open().filter(subscription=subscription).with_people().order_by("-assigned_at", "-pk")[:count]


def release_newest(*, subscription: Subscription, count: int, by: Actor, at: datetime) -> list[Seat]:
    """Take back the seats that were given last, for a subscription that the caller has locked."""
    return _release(subscription, list(newest(subscription, count)), by=by, at=at)


def _release(subscription: Subscription, seats: list[Seat], *, by: Actor, at: datetime) -> list[Seat]:
    if not seats:
        return []
    for seat in seats:
        seat.released_at = at
    Seat.objects.bulk_update(seats, ["released_at"])
    _count(subscription, -len(seats))
    events.record(
        "seat.released",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        members=[seat.member_id for seat in seats],
    )
    return seats


def _count(subscription: Subscription, more: int) -> None:
    # Added in the database, to what stands there: only so does the CHECK hold against code that forgot the lock.
    Subscription.objects.filter(pk=subscription.pk).update(seats_assigned=F("seats_assigned") + more)
    subscription.seats_assigned += more


def _still_assignable(subscription: Subscription, members: Sequence[Membership]) -> list[Membership]:
    # Read again and share-locked: somebody disabled in this very moment either is seen, or waits for us.
    keys = list(dict.fromkeys(m.pk for m in members))
    fresh = {
        m.pk: m
        for m in Membership.objects.of(subscription.tenant)
        .filter(pk__in=keys)
        .order_by("pk")
        .select_for_update(of=("self",), no_key=True)
        .select_related("user", "tenant")
    }
    for member in members:
        current = fresh.get(member.pk)
        if current is None or current.is_guest:
            raise NotAMember(member.user.email)
        if not current.is_active:
            raise MemberNotActive(member.user.email)
    return [fresh[key] for key in keys]


def too_few_free(free: int, needed: int) -> str:
    if not free:
        return str(NoSeatLeft.message)
    return ngettext(
        "Only %(free)s seat is free, %(needed)s are needed.",
        "Only %(free)s seats are free, %(needed)s are needed.",
        free,
    ) % {"free": free, "needed": needed}
