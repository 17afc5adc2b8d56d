"""Fewer seats: those that were charged last are given back, as long as they may be; the rest go at the renewal."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from commerce.models import RefundReason
from commerce.operations.changes import lines, scheduled
from commerce.operations.changes.quotes import (
    ChangedSincePreview,
    Direction,
    Position,
    Quote,
    Why,
    currency_of,
    require_shown,
    require_unchanged,
    terms_of,
)
from commerce.operations.paying import open_orders, orders
from commerce.operations.renewing import ahead
from licensing.models import Subscription
from licensing.operations import subscriptions
from licensing.operations.subscriptions import QuantityBelowAssigned, SubscriptionInactive
from tenants.access import Actor


def quote(*, subscription: Subscription, quantity: int, at: datetime) -> Quote:
    """
    Which seats go now, with their money, and which at the renewal.

    :raises SubscriptionInactive: no term runs
    :raises QuantityBelowAssigned: more people hold seats than would be left now
    :raises NextTermPaid: the next term is paid already, and has not begun
    """
    if not subscription.runs_at(at):
        raise SubscriptionInactive
    ahead.require_not_paid(subscription)
    held = lines.of_term(subscription, at=at)
    count = subscription.quantity - quantity
    now = _taken([line for line in held if line.is_open], count, at)
    later = _taken([line for line in held if not line.is_open], count - _seats(now), at)
    after = subscription.quantity - _seats(now)
    if now and after < subscription.seats_assigned:
        raise _below(subscription.seats_assigned, after)
    rest = after - quantity
    replaced = scheduled.waiting(subscription)
    return Quote(
        subscription=subscription,
        direction=Direction.REFUND if now else Direction.NONE,
        lines=(*now, *later),
        currency=currency_of(subscription),
        terms=terms_of(now),
        before=subscription.quantity,
        after=after,
        scheduled=quantity if rest else None,
        withdraws=replaced.quantity if replaced and replaced.quantity != (quantity if rest else None) else None,
        takes_effect_at=subscription.term_end if rest else at,
        as_of=at,
    )


def reduce(
    *,
    subscription: Subscription,
    quantity: int,
    as_of: datetime,
    shown: bool,
    expecting: Decimal | None = None,
    keep: Callable[[Quote], object],
    by: Actor,
    at: datetime,
) -> Quote:
    """
    Give seats back. What goes back is sent to the card after the commit, or taken off an invoice that is open. `keep`
    is told what was done, in the transaction.

    :raises PaymentInProgress: an order of it waits for its payment
    :raises ChangedSincePreview: it has that many by now, or was changed after somebody looked
    :raises: as `quote`
    """
    with transaction.atomic():
        subscription, _orders = lines.lock(subscription)
        open_orders.require_nothing_pending(subscription)
        require_unchanged(subscription, since=as_of if shown else None)
        if quantity >= subscription.quantity:
            raise ChangedSincePreview
        orders.require_bounds(subscription.plan, quantity)
        told = require_shown(quote(subscription=subscription, quantity=quantity, at=as_of), expecting)
        now = [line for line in told.lines if line.why == Why.INSIDE_WINDOW]
        if told.scheduled is None:
            scheduled.withdraw(subscription=subscription, by=by, at=at)
        else:
            scheduled.schedule(subscription=subscription, quantity=told.scheduled, by=by, at=at)
        if now:
            count = told.before - told.after
            subscriptions.remove_seats(subscription=subscription, count=count, by=by, at=at)
        lines.give_back(now, reason=RefundReason.REDUCED, by=by, at=at)
        keep(told)
    lines.send_refunds(now, at=at)
    return told


def _taken(held: list[lines.Held], count: int, at: datetime) -> list[Position]:
    """So many seats of lines, the newest first."""
    taken: list[Position] = []
    for line in held:
        seats = min(count - _seats(taken), line.line.seats_left)
        if seats > 0:
            taken.append(line.giving_back(seats, at=at))
    return taken


def _seats(positions: Sequence[Position]) -> int:
    return sum(position.quantity for position in positions)


def _below(assigned: int, left: int) -> QuantityBelowAssigned:
    message = _("%(assigned)s seats are assigned, and %(left)s would be left. Release some people's seats first.")
    return QuantityBelowAssigned(message % {"assigned": assigned, "left": left}, assigned=assigned, left=left)
