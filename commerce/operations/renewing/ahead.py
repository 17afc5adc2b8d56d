"""A next term that is paid before the present one ends: what may still happen to it in those hours."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from commerce.models import BillingPeriod, Order, RefundReason, Renewal, RenewalState
from commerce.operations.changes import lines
from commerce.operations.changes.quotes import Position
from commerce.operations.renewing import outcomes
from licensing.models import Subscription
from licensing.operations import next_terms
from tenants.access import Actor
from tenants.refusal import Refused


class NextTermPaid(Refused):
    """Fewer seats are given back of the term that was charged last, and that has not begun."""

    message = _("The next term is paid already. From its beginning on, fewer seats can be had again.")


def require_not_paid(subscription: Subscription) -> None:
    """:raises NextTermPaid: it is"""
    if subscription.renewed_until is not None:
        raise NextTermPaid


def period_of(subscription: Subscription) -> BillingPeriod | None:
    """The term that is paid ahead, with its price version."""
    return BillingPeriod.objects.filter(subscription=subscription, starts_at=subscription.term_end).first()


def drop(subscription: Subscription, *, at: datetime) -> None:
    """The term goes, as if it had never been charged: it may be charged anew. The caller holds the lock."""
    if subscription.renewed_until is None:
        return
    for renewal in Renewal.objects.locked().filter(
        subscription=subscription, starts_at=subscription.term_end, state=RenewalState.PAID
    ):
        outcomes.lapse(renewal, subscription, at=at)
    BillingPeriod.objects.filter(subscription=subscription, starts_at=subscription.term_end).delete()
    next_terms.give_up_next_term(subscription)


def give_back(subscription: Subscription, *, by: Actor, at: datetime) -> list[Position]:
    """
    Drop the term with what was paid for it, but for what is contested. The caller holds the locks of the orders that
    paid for it (`orders.lock_with_next_term`) and then the subscription's, and sends the refunds after the commit.
    """
    if subscription.renewed_until is None:
        return []
    list(Order.objects.filter(subscription=subscription, lines__ends_at=subscription.renewed_until).locked())
    held = lines.of_next_term(subscription, at=at)
    back = [line.giving_back(line.line.seats_left, at=at) for line in held if line.is_open]
    drop(subscription, at=at)
    lines.give_back(back, reason=RefundReason.CANCELED, by=by, at=at)
    return back
