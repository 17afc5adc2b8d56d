"""Telling people what became of a change that waited, and that a seat of theirs has ended."""

from collections.abc import Iterable
from uuid import UUID

from commerce.models import ScheduledChange
from commerce.operations.letters import post
from licensing.models import Seat, Subscription
from tenants.directory.models import Membership


def deliver_dropped_change(*, change_id: UUID, site: str, sender: str) -> None:
    """
    To whoever asked for another number of seats from the renewal on, and to its owner; of the organisation's own, to
    those who buy for it: it was not applied.
    """
    change = ScheduledChange.objects.select_related("asked_by__user", "asked_by__tenant").get(pk=change_id)
    subscription = Subscription.objects.with_people().get(pk=change.subscription_id)
    for member in _told(change, subscription):
        post.send(
            "dropped_change",
            to=member,
            subscription=subscription,
            context={"change": change, "for_people": change.quantity < subscription.seats_assigned},
            message_id=f"change-{change.pk}-{member.pk}",
            site=site,
            sender=sender,
        )


def _told(change: ScheduledChange, subscription: Subscription) -> Iterable[Membership]:
    if subscription.owner is None:
        return post.buyers_of(subscription.tenant)
    people = {member.pk: member for member in (change.asked_by, subscription.owner) if member and member.is_active}
    return people.values()


def deliver_lost_seats(*, seat_ids: Iterable[str], site: str, sender: str) -> None:
    """To each person whose seat ended because the subscription was canceled."""
    seats = Seat.objects.filter(pk__in=[UUID(pk) for pk in seat_ids]).order_by("pk")
    for seat in seats.select_related("member__user", "member__tenant", "subscription__plan__product"):
        if not seat.member.is_active:
            continue
        post.send(
            "lost_seat",
            to=seat.member,
            subscription=seat.subscription,
            context={"contact": seat.member.tenant.contact_email},
            message_id=f"seat-{seat.pk}",
            site=site,
            sender=sender,
        )
