"""The end of a subscription: at once, or step by step as its states run their time."""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

from django.db import IntegrityError, transaction

from licensing.calendar import days_later, next_term_end, term_end
from licensing.models import EndCause, LifecycleDays, Subscription, SubscriptionState
from licensing.operations import seats
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import SYSTEM, Actor
from tenants.journal import events
from tenants.refusal import Refused

log = logging.getLogger(__name__)


class NoLifecycleDays(LookupError):
    """No row of LifecycleDays says how long a subscription lives on after this cause: a defect of the data."""


# What may be wrong with one subscription and must not keep the others waiting.
WRONG_WITH_ONE = (NoLifecycleDays, ZoneInfoNotFoundError, IntegrityError, Refused)


@dataclass(frozen=True, kw_only=True)
class Days:
    """How long a subscription stays in the two states between its end and its deletion, in calendar days."""

    expired: int
    disabled: int


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
    _move(subscription, SubscriptionState.DISABLED, cause=cause, at=at, by=by, since=at)
    return subscription


def can_be_reactivated(subscription: Subscription) -> bool:
    """In grace, or disabled. A trial never becomes a purchase: who wants to go on buys the product."""
    ended = (SubscriptionState.EXPIRED, SubscriptionState.DISABLED)
    return subscription.state in ended and not subscription.is_trial


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
    subscription.state, subscription.end_cause, subscription.held_at = SubscriptionState.ACTIVE, "", None
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
    subscription.state, subscription.end_cause, subscription.held_at = SubscriptionState.ACTIVE, "", None
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


def _hold(subscription: Subscription, since: datetime | None, type: str, *, by: Actor, at: datetime) -> None:
    subscription.held_at = since
    subscription.save(update_fields=["held_at"])
    events.record(type, tenant=subscription.tenant, by=by, at=at, subject=subscription.pk)


def advance_due(*, at: datetime, limit: int = 500) -> int:
    """
    Carry subscriptions whose state has run its time to the next one, by the table of life. Returns how many moved.

    Each in its own transaction. One that another process holds is left to it; one that cannot move is reported and
    does not stop those behind it.
    """
    moved = 0
    for pk in list(Subscription.objects.due(at).order_by("state_ends_at").values_list("pk", flat=True)):
        if moved >= limit:
            break
        try:
            moved += _advance(pk, at=at)
        except WRONG_WITH_ONE:
            log.exception("subscription %s cannot be carried on", pk)
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
    _catch_up(subscription, at)
    return 1


def _catch_up(subscription: Subscription, at: datetime) -> None:
    # Several steps at once when the sweep was away for long: each is dated at the moment when it was due.
    while subscription.state_ends_at is not None and subscription.state_ends_at <= at:
        since = subscription.state_ends_at
        cause = EndCause.TRIAL_ENDED if subscription.is_trial else EndCause.TERM_ENDED
        _move(subscription, next_state(subscription), by=SYSTEM, at=at, since=since, cause=cause)


def next_state(subscription: Subscription) -> SubscriptionState:
    """What follows when the present state runs out."""
    if subscription.state == SubscriptionState.ACTIVE:
        return SubscriptionState.EXPIRED
    if subscription.state in (SubscriptionState.EXPIRED, SubscriptionState.TRIAL):
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
    if state == SubscriptionState.EXPIRED:
        subscription.state_ends_at = days_later(since, subscription.zone, days_of(subscription).expired)
    elif state == SubscriptionState.DISABLED:
        subscription.state_ends_at = days_later(since, subscription.zone, days_of(subscription).disabled)
    else:
        seats.vacate(subscription=subscription, by=by, at=at)
        subscription.state_ends_at = None
    subscription.save(update_fields=["state", "end_cause", "state_ends_at"])
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
    """
    The row for cause and channel, else the one for the cause and every channel. Of a trial its product may know
    better how long it is kept.

    :raises NoLifecycleDays: neither is there
    """
    rows = {row.channel: row for row in LifecycleDays.objects.filter(cause=subscription.end_cause)}
    row = rows.get(subscription.channel) or rows.get("")
    if row is None:
        raise NoLifecycleDays(f"{subscription.end_cause}, {subscription.channel}")
    kept = subscription.plan.product.trial_disabled_days if subscription.is_trial else None
    return Days(expired=row.expired_days, disabled=row.disabled_days if kept is None else kept)
