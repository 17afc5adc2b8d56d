"""The end of a subscription: at once, or step by step as its states run their time."""

import logging
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

from django.db import IntegrityError, transaction
from django.db.models import Q

from licensing import states
from licensing.calendar import days_later, next_term_end, term_end
from licensing.models import EndCause, Subscription, SubscriptionState
from licensing.operations import next_terms, seats
from licensing.operations.lifecycle_days import NoLifecycleDays, days_of
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import SYSTEM, Actor
from tenants.journal import events
from tenants.refusal import Refused
from tenants.scope import EVERYBODY, Scope, in_batches

log = logging.getLogger(__name__)


# What may be wrong with one subscription and must not keep the others waiting.
WRONG_WITH_ONE = (NoLifecycleDays, ZoneInfoNotFoundError, IntegrityError, Refused)


@transaction.atomic
def end(*, subscription: Subscription, cause: EndCause, by: Actor, at: datetime) -> Subscription:
    """
    Take access away now. Seats stay as they are until it is deleted, so that the people are known.

    :raises SubscriptionInactive: it has ended already
    """
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    if not subscription.gives_access:
        raise SubscriptionInactive
    subscription.end_cause = cause  # also of one in grace, whose term had ended before
    _move(subscription, "subscription.disabled", cause=cause, at=at, by=by, since=at)
    return subscription


def can_be_reactivated(subscription: Subscription) -> bool:
    """
    In grace, or disabled, and not taken over. Of trials only those with a card: of another one, who wants to go on buys
    the product.
    """
    ended = (SubscriptionState.EXPIRED, SubscriptionState.DISABLED)
    return subscription.state in ended and not subscription.never_charged and not subscription.is_taken_over


def next_term(subscription: Subscription, at: datetime) -> tuple[datetime, datetime]:
    """
    The term that a reactivation at a moment would bring: in grace the one after the last, so that nothing is skipped;
    when disabled a new one from that moment.
    """
    if subscription.state == SubscriptionState.EXPIRED:
        start = subscription.term_end
        return start, next_term_end(subscription.anchor_at, subscription.zone, subscription.plan.term, start)
    return at, term_end(at, subscription.zone, subscription.plan.term)


@transaction.atomic
def reactivate(*, subscription: Subscription, by: Actor, at: datetime) -> Subscription:
    """
    Another term, with renewal on unless an admin stopped it. The people who held seats hold them still.

    :raises SubscriptionInactive: it is active, or deleted, or was a trial
    """
    subscription = Subscription.objects.locked().select_related("plan").get(pk=subscription.pk)
    if not can_be_reactivated(subscription):
        raise SubscriptionInactive
    start, end = next_term(subscription, at)
    if subscription.state == SubscriptionState.DISABLED:
        subscription.anchor_at = start
    subscription.term_start, subscription.term_end, subscription.state_ends_at = start, end, end
    subscription.state = states.after("subscription.reactivated", subscription.state)
    subscription.end_cause, subscription.held_at = "", None
    subscription.auto_renew = subscription.renewal_stopped_at is None
    subscription.save(
        update_fields=[
            "term_start", "term_end", "state_ends_at", "anchor_at", "state", "end_cause", "held_at", "auto_renew",
        ]
    )  # fmt: skip
    events.record(
        "subscription.reactivated", tenant=subscription.tenant, by=by, at=at, subject=subscription.pk, term_end=end
    )
    return subscription


@transaction.atomic
def restore(*, subscription: Subscription, by: Actor, at: datetime) -> Subscription:
    """
    Give access back that was taken away by mistake of others. It stands as it would without that: active while its
    term runs, else in grace, else where the end of its term would have led by now.
    """
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    if subscription.state != SubscriptionState.DISABLED:
        return subscription
    subscription.state = states.after("subscription.restored", subscription.state)
    subscription.end_cause, subscription.held_at = "", None
    subscription.state_ends_at = subscription.term_end
    subscription.save(update_fields=["state", "end_cause", "held_at", "state_ends_at"])
    events.record("subscription.restored", tenant=subscription.tenant, by=by, at=at, subject=subscription.pk)
    _catch_up(subscription, at)
    return subscription


@transaction.atomic
def hold(*, subscription: Subscription, by: Actor, at: datetime) -> Subscription:
    """
    Keep a disabled subscription from being deleted, while something is undecided that may bring it back. Held already:
    nothing changes.

    :raises SubscriptionInactive: it is not disabled, so there is nothing to keep it from
    """
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    if subscription.state != SubscriptionState.DISABLED:
        raise SubscriptionInactive
    if subscription.held_at is None:
        _hold(subscription, at, "subscription.held", by=by, at=at)
    return subscription


@transaction.atomic
def release(*, subscription: Subscription, by: Actor, at: datetime) -> Subscription:
    """
    It was decided, and nothing brings it back: its time runs as if it had never been held, so that one whose days are
    over is deleted by the next sweep. Not held: nothing changes.
    """
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    if subscription.held_at is not None:
        _hold(subscription, None, "subscription.released", by=by, at=at)
    return subscription


@transaction.atomic
def close(*, subscription: Subscription, by: Actor, at: datetime) -> Subscription:
    """
    Delete a disabled one before its days are over, or although it was held: nothing brings it back. Deleted already:
    nothing changes.

    :raises SubscriptionInactive: it gives access
    """
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    if subscription.state == SubscriptionState.DELETED:
        return subscription
    if subscription.gives_access:
        raise SubscriptionInactive
    if subscription.held_at is not None:
        subscription.held_at = None
        subscription.save(update_fields=["held_at"])
    cause = EndCause(subscription.end_cause)
    _move(subscription, "subscription.deleted", cause=cause, at=at, by=by, since=at)
    return subscription


def _hold(subscription: Subscription, since: datetime | None, type: str, *, by: Actor, at: datetime) -> None:
    subscription.held_at = since
    subscription.save(update_fields=["held_at"])
    events.record(type, tenant=subscription.tenant, by=by, at=at, subject=subscription.pk)


def advance_due(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY, but: Q | None = None) -> int:
    """
    Carry subscriptions whose state has run its time to the next one, by the table of life, `but` for some: these stay
    where they are, also on the way there. Returns how many moved.

    Each in its own transaction. One that another process holds is left to it; one that cannot move is reported and
    does not stop those behind it.
    """
    moved = 0
    due = among.of(Subscription.objects.due(at))
    due = due if but is None else due.exclude(but)
    for pk in in_batches(due, "state_ends_at"):
        if moved >= limit:
            break
        try:
            moved += _advance(pk, at=at, but=but)
        except WRONG_WITH_ONE:
            log.exception("subscription %s cannot be carried on", pk)
    return moved


@transaction.atomic
def _advance(pk: UUID, *, at: datetime, but: Q | None) -> int:
    subscription = (
        Subscription.objects.due(at)
        .filter(pk=pk)
        .select_for_update(of=("self",), no_key=True, skip_locked=True)
        .first()
    )
    if subscription is None:
        return 0
    _catch_up(subscription, at, but=but)
    return 1


def _catch_up(subscription: Subscription, at: datetime, *, but: Q | None = None) -> None:
    # Several steps at once when the sweep was away for long: each is dated at the moment when it was due.
    before = subscription.state
    while subscription.state_ends_at is not None and subscription.state_ends_at <= at:
        if but and subscription.state != before and Subscription.objects.filter(but, pk=subscription.pk).exists():
            break
        if subscription.renewed_until is not None:
            next_terms.begin_paid_term(subscription, by=SYSTEM, at=at)
            continue
        since = subscription.state_ends_at
        cause = EndCause.TRIAL_ENDED if subscription.is_trial else EndCause.TERM_ENDED
        event = states.WHEN_TIME_IS_OVER[subscription.state]
        _move(subscription, event, by=SYSTEM, at=at, since=since, cause=cause)


def next_state(subscription: Subscription) -> SubscriptionState:
    """What follows when the present state runs out."""
    if subscription.renewed_until is not None:
        return SubscriptionState.ACTIVE
    return SubscriptionState(states.after(states.WHEN_TIME_IS_OVER[subscription.state], subscription.state))


def _move(
    subscription: Subscription,
    event: str,
    *,
    cause: EndCause,
    by: Actor,
    at: datetime,
    since: datetime,
) -> None:
    """Towards its end. `since` is when the new state began, `at` when it is written down."""
    subscription.renewed_until = subscription.renewed_quantity = None  # of one that ends before its time
    subscription.state = states.after(event, subscription.state)
    subscription.end_cause = subscription.end_cause or cause
    if subscription.state == SubscriptionState.EXPIRED:
        subscription.state_ends_at = days_later(since, subscription.zone, days_of(subscription).expired)
    elif subscription.state == SubscriptionState.DISABLED:
        subscription.state_ends_at = days_later(since, subscription.zone, days_of(subscription).disabled)
    else:
        seats.vacate(subscription=subscription, by=by, at=at)
        subscription.state_ends_at = None
    subscription.save(update_fields=["state", "end_cause", "state_ends_at", "renewed_until", "renewed_quantity"])
    events.record(
        event,
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        since=since,
        cause=subscription.end_cause,
    )


def access_ends_at(subscription: Subscription) -> datetime:
    """When people lose access if nobody pays for another term."""
    if subscription.state == SubscriptionState.EXPIRED and subscription.state_ends_at is not None:
        return subscription.state_ends_at
    days = days_of(subscription, EndCause.TERM_ENDED)
    return days_later(subscription.term_end, subscription.zone, days.expired)
