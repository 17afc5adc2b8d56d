"""Who used a subscription when it ended: for some time they can be given seats of the tenant's own instead."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Product, Seat, Subscription, SubscriptionState
from licensing.operations import central_seats
from tenants.access import Actor, Right
from tenants.directory.models import Membership, MembershipQuerySet
from tenants.journal.models import Event
from tenants.refusal import BadInput, Refused

HELPED_FOR = timedelta(days=90)
_ENDS = ("subscription.disabled", "subscription.canceled")


class NotEnded(Refused):
    message = _("It still gives access. Once it has ended, its people can be given central seats for 90 days.")


class TooLateToHelp(Refused):
    message = _("It ended more than 90 days ago. Give seats on the page of what the organisation bought instead.")


def ended_at(subscription: Subscription) -> datetime | None:
    """When its people lost access. None: they have it."""
    if subscription.state not in (SubscriptionState.DISABLED, SubscriptionState.DELETED):
        return None
    ends = Event.objects.of(subscription.tenant).about(subscription.pk).filter(type__in=_ENDS)
    return ends.order_by("-at").values_list("at", flat=True).first()


def helped_until(subscription: Subscription) -> datetime | None:
    """Until when its people can be given other seats. None: it has not ended."""
    ended = ended_at(subscription)
    return ended and ended + HELPED_FOR


def require_helped(subscription: Subscription, *, at: datetime) -> None:
    """
    That its people can be given other seats now.

    :raises NotEnded: they have access
    :raises TooLateToHelp: it ended more than 90 days ago
    """
    if subscription.gives_access:
        raise NotEnded
    until = helped_until(subscription)
    if until is None or at >= until:
        raise TooLateToHelp


def users_of(subscription: Subscription) -> MembershipQuerySet:
    """Which members had a seat when it ended, also those who are not active any more. None of one that goes on."""
    members = Membership.objects.of(subscription.tenant).members()
    ended = ended_at(subscription)
    if ended is None:
        return members.none()
    had_one = Seat.objects.filter(subscription=subscription, assigned_at__lte=ended)
    had_one = had_one.filter(Q(released_at=None) | Q(released_at__gt=ended))
    return members.filter(pk__in=had_one.values("member"))


def people_of(subscription: Subscription) -> list[Membership]:
    """Who had a seat when it ended and is an active member still, by name."""
    found = users_of(subscription).active().select_related("user", "tenant")
    return sorted(found, key=lambda member: (str(member).lower(), member.user.email))


@transaction.atomic
def give_central_seats(
    *, subscription: Subscription, members: Sequence[Membership], by: Actor, at: datetime
) -> dict[UUID, Subscription]:
    """
    Give people of a subscription that has ended free seats of the tenant's own, all or none. Whoever has one keeps it.

    :raises NotAllowed: `by` does not assign this tenant's seats
    :raises NotEnded: its people have access
    :raises TooLateToHelp: it ended more than 90 days ago
    :raises BadInput: nobody, or somebody who had no seat of it when it ended
    :raises NoSeatLeft: fewer seats are free than people need one
    """
    by.require_in(subscription.tenant, Right.ASSIGN_CENTRAL_SEATS)
    require_helped(subscription, at=at)
    asked = {member.pk for member in members}
    if not asked or users_of(subscription).active().filter(pk__in=asked).count() < len(asked):
        raise BadInput(_("Choose people who used it when it ended."), field="people", code="invalid_choice")
    product = Product.objects.get(plans=subscription.plan_id)
    return central_seats.give_own(tenant=subscription.tenant, product=product, members=members, by=by, at=at)
