"""What happens to a subscription as a whole: granted, ended, carried through its life."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from licensing.calendar import days_later, term_end
from licensing.models import (
    Channel,
    EndCause,
    LifecycleDays,
    Plan,
    Seat,
    Subscription,
    SubscriptionState,
)
from tenants.access import SYSTEM, Actor, Right
from tenants.directory.models import Membership
from tenants.journal import events
from tenants.refusal import NotAllowed, Refused


class SubscriptionInactive(Refused):
    message = _("This subscription is no longer active.")


@dataclass(frozen=True, kw_only=True)
class Days:
    """How long a subscription stays in the two states between its end and its deletion, in calendar days."""

    expired: int
    disabled: int


@transaction.atomic
def grant(
    *, plan: Plan, quantity: int, channel: Channel, purchaser: Membership, order_ref: str, by: Actor, at: datetime
) -> Subscription:
    """Start a subscription: its first term begins now, in the tenant's zone as it is now."""
    tenant = purchaser.tenant
    end = term_end(at, tenant.zone, plan.term)
    subscription = Subscription.objects.create(
        tenant=tenant,
        plan=plan,
        channel=channel,
        purchaser=purchaser,
        owner=purchaser if channel == Channel.SELF_SERVICE else None,
        payer=purchaser if channel == Channel.SELF_SERVICE else None,
        quantity=quantity,
        term_start=at,
        term_end=end,
        anchor_at=at,
        time_zone=tenant.time_zone,
        state_ends_at=end,
        order_ref=order_ref,
        created_at=at,
    )
    events.record(
        "subscription.started",
        tenant=tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        plan=plan.pk,
        quantity=quantity,
        channel=channel,
        term_end=end,
    )
    return subscription


def require_manager(subscription: Subscription, by: Actor) -> None:
    """
    The owner manages a subscription; nobody else does, whatever their role.

    :raises NotAllowed: `by` is not its owner
    """
    if not by.is_member(subscription.owner_id):
        raise NotAllowed(_("Only the owner of this subscription can do this."))


def require_ender(subscription: Subscription, by: Actor) -> None:
    """:raises NotAllowed: neither its owner nor somebody who may end the purchases of others in this tenant"""
    if by.tenant != subscription.tenant or not by.may(Right.END_PURCHASES_OF_OTHERS):
        require_manager(subscription, by)


@transaction.atomic
def set_auto_renew(*, subscription: Subscription, auto_renew: bool, by: Actor, at: datetime) -> Subscription:
    """
    Turn automatic renewal off or on. Saying it twice changes nothing.

    :raises NotAllowed: not its owner, nor an admin who may end it
    :raises SubscriptionInactive: the term has ended already
    """
    require_ender(subscription, by)
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    if subscription.state != SubscriptionState.ACTIVE:
        raise SubscriptionInactive
    if subscription.auto_renew != auto_renew:
        subscription.auto_renew = auto_renew
        subscription.save(update_fields=["auto_renew"])
        events.record(
            "subscription.renewal_changed",
            tenant=subscription.tenant,
            by=by,
            at=at,
            subject=subscription.pk,
            auto_renew=auto_renew,
        )
    return subscription


@transaction.atomic
def end(*, subscription: Subscription, cause: EndCause, by: Actor, at: datetime) -> Subscription:
    """
    Take access away now. Seats stay as they are until it is deleted, so that the people are known.

    :raises SubscriptionInactive: it has ended already
    """
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    if not subscription.gives_access:
        raise SubscriptionInactive
    _move(subscription, SubscriptionState.DISABLED, cause=cause, at=at, by=by, since=at)
    return subscription


def advance_due(*, at: datetime, limit: int = 500) -> int:
    """
    Carry subscriptions whose state has run its time to the next one, by the table of life. Returns how many moved.

    Each in its own transaction; one that another process holds is left to it.
    """
    moved = 0
    due = Subscription.objects.due(at).order_by("state_ends_at").values_list("pk", flat=True)[:limit]
    for pk in list(due):
        moved += _advance(pk, at=at)
    return moved


@transaction.atomic
def _advance(pk: UUID, *, at: datetime) -> int:
    subscription = (
        Subscription.objects.due(at)
        .filter(pk=pk)
        .select_for_update(of=("self",), no_key=True, skip_locked=True)
        .first()
    )
    if subscription is None:
        return 0
    # Several steps at once when the sweep was away for long: each is dated at the moment when it was due.
    while subscription.state_ends_at is not None and subscription.state_ends_at <= at:
        since = subscription.state_ends_at
        _move(subscription, next_state(subscription), by=SYSTEM, at=at, since=since, cause=EndCause.TERM_ENDED)
    return 1


def next_state(subscription: Subscription) -> SubscriptionState:
    """What follows when the present state runs out."""
    if subscription.state == SubscriptionState.ACTIVE:
        return SubscriptionState.EXPIRED
    if subscription.state == SubscriptionState.EXPIRED:
        return SubscriptionState.DISABLED
    return SubscriptionState.DELETED


def _move(
    subscription: Subscription,
    state: SubscriptionState,
    *,
    cause: EndCause,
    by: Actor,
    at: datetime,
    since: datetime,
) -> None:
    """The one place where a state changes. `since` is when the new state began, `at` when it is written down."""
    subscription.state = state
    subscription.end_cause = subscription.end_cause or cause
    days = days_of(subscription)
    if state == SubscriptionState.EXPIRED:
        subscription.state_ends_at = days_later(since, subscription.zone, days.expired)
    elif state == SubscriptionState.DISABLED:
        subscription.state_ends_at = days_later(since, subscription.zone, days.disabled)
    else:
        subscription.state_ends_at = None
        Seat.objects.open().filter(subscription=subscription).update(released_at=at)
        subscription.seats_assigned = 0
    subscription.save(update_fields=["state", "end_cause", "state_ends_at", "seats_assigned"])
    events.record(
        f"subscription.{state.value}",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        since=since,
        cause=subscription.end_cause,
    )


def days_of(subscription: Subscription) -> Days:
    """The row for cause and channel, else the row for the cause."""
    rows = {row.channel: row for row in LifecycleDays.objects.filter(cause=subscription.end_cause)}
    row = rows.get(subscription.channel) or rows[""]
    return Days(expired=row.expired_days, disabled=row.disabled_days)
