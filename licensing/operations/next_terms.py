"""The term that follows the present one: paid ahead, given back, or begun."""

from datetime import datetime

from licensing import states
from licensing.calendar import next_term_end
from licensing.models import Subscription, SubscriptionState
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor
from tenants.journal import events


def can_be_renewed(subscription: Subscription) -> bool:
    """Active, in grace, or a running trial with a card, and its next term is not paid yet."""
    if subscription.renewed_until is not None:
        return False
    if subscription.state == SubscriptionState.TRIAL:
        return subscription.converts
    return subscription.state in (SubscriptionState.ACTIVE, SubscriptionState.EXPIRED) and not subscription.is_trial


def following_term(subscription: Subscription) -> tuple[datetime, datetime]:
    """The term after the present one, or after the one that is paid ahead: by the anchor, without a gap."""
    start = subscription.paid_until
    return start, next_term_end(subscription.anchor_at, subscription.zone, subscription.plan.term, start)


def renew(subscription: Subscription, *, quantity: int, by: Actor, at: datetime) -> tuple[datetime, datetime]:
    """
    Let the next term follow, which is paid, with so many seats: when the present one ends, or at once when that is
    over. No seat is taken from anybody. The caller holds the lock. Returns the term.

    :raises SubscriptionInactive: it has ended, is a trial, or its next term is paid already
    """
    if not can_be_renewed(subscription):
        raise SubscriptionInactive
    start, end = following_term(subscription)
    subscription.renewed_until = end
    subscription.renewed_quantity = max(quantity, subscription.seats_assigned)
    if subscription.state in (SubscriptionState.ACTIVE, SubscriptionState.TRIAL) and at < start:
        subscription.save(update_fields=["renewed_until", "renewed_quantity"])
    else:
        begin_paid_term(subscription, by=by, at=at)
    return start, end


def keep_seats_for_next_term(subscription: Subscription, quantity: int) -> None:
    """Nobody gets more seats than the next term is being paid for. The caller holds the lock."""
    if quantity < subscription.quantity:
        subscription.renewed_quantity = quantity
        subscription.save(update_fields=["renewed_quantity"])


def give_up_next_term(subscription: Subscription) -> None:
    """It is not paid after all, or was given back. The caller holds the lock."""
    if subscription.renewed_until is None and subscription.renewed_quantity is None:
        return
    subscription.renewed_until = subscription.renewed_quantity = None
    subscription.save(update_fields=["renewed_until", "renewed_quantity"])


def begin_paid_term(subscription: Subscription, *, by: Actor, at: datetime) -> None:
    """The present one is over. The caller holds the lock."""
    since, before = subscription.term_end, subscription.quantity
    subscription.term_start, subscription.term_end = since, subscription.paid_until
    subscription.quantity = subscription.renewed_quantity or before
    subscription.state = states.after("subscription.renewed", subscription.state)
    subscription.end_cause, subscription.state_ends_at = "", subscription.term_end
    subscription.renewed_until = subscription.renewed_quantity = None
    subscription.save(
        update_fields=[
            "term_start", "term_end", "quantity", "state", "end_cause", "state_ends_at", "renewed_until",
            "renewed_quantity",
        ]
    )  # fmt: skip
    events.record(
        "subscription.renewed",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        since=since,
        term_end=subscription.term_end,
        quantity=subscription.quantity,
    )
    if subscription.quantity != before:
        events.record(
            "subscription.quantity_changed",
            tenant=subscription.tenant,
            by=by,
            at=at,
            subject=subscription.pk,
            before=before,
            quantity=subscription.quantity,
        )
