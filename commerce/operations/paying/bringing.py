"""What an order of each kind brings, and whether it still does: a subscription, more seats or another term."""

from collections.abc import Callable
from datetime import datetime
from typing import cast

from commerce.models import BillingPeriod, Order, OrderKind, OrderLine, OrderState, TakeOver
from commerce.operations.changes import scheduled
from commerce.operations.renewing import outcomes as renewals
from licensing.models import Subscription
from licensing.operations import lifecycle, next_terms, prolonging, subscriptions
from policies.operations import commitments
from tenants.access import SYSTEM, Actor
from tenants.delivery import jobs


def is_wanted(order: Order, *, at: datetime) -> bool:
    """
    Whether money for an order still brings what it is for. The caller holds its lock; from here on the subscription's
    is held, too.
    """
    if order.state == OrderState.INVOICED:
        return True
    if order.state != OrderState.PENDING:
        return False
    if order.subscription_id is None:
        return True
    subscription = Subscription.objects.locked().select_related("tenant", "plan").get(pk=order.subscription_id)
    if order.kind == OrderKind.SEATS:
        # Seats are sold for the rest of one term, and the whole of the next where that is paid: of no other, and of
        # none that has ended since.
        return subscription.runs_at(at) and _ends_of(order) == _running(subscription)
    if order.kind == OrderKind.RENEWAL:
        order.subscription = subscription
        return next_terms.can_be_renewed(subscription) and _ends_of(order) == {
            next_terms.following_term(subscription)[1]
        }
    if order.kind == OrderKind.ALIGNMENT:
        # For these seats, from the end of this very term on.
        goes_on = order.lines.filter(starts_at=subscription.term_end, quantity=subscription.quantity).exists()
        return goes_on and prolonging.can_be_prolonged(subscription, at)
    if order.kind == OrderKind.REIMBURSEMENT:
        return TakeOver.objects.open().filter(order=order).exists()
    return lifecycle.can_be_reactivated(subscription)


def _ends_of(order: Order) -> set[datetime | None]:
    return {line.ends_at for line in order.bought}


def _running(subscription: Subscription) -> set[datetime | None]:
    """The ends of the terms that are paid and not over."""
    return {subscription.term_end, subscription.paid_until}


def bring(order: Order, *, by: Actor, at: datetime) -> Subscription:
    """What an order of its kind is for. The caller holds the order."""
    return _BRING[OrderKind(order.kind)](order, by, at)


def bring_back(order: Order, subscription: Subscription, *, quantity: int | None = None, at: datetime) -> bool:
    """
    Let the next term follow again that a renewal paid for and that went, before it began, with the access that was
    taken away, for so many seats, or as many as it paid. No: it was no such order, it was given back since, or that
    term is paid otherwise. The caller holds the order and the subscription.
    """
    lines = order.lines.filter(starts_at=subscription.term_end, billing_periods=None)
    line = lines.first() if order.kind == OrderKind.RENEWAL and next_terms.can_be_renewed(subscription) else None
    if line is None or not line.seats_left:
        return False
    seats_paid = quantity or line.seats_left
    starts_at, ends_at = next_terms.renew(subscription, quantity=seats_paid, by=SYSTEM, at=at)
    _write_period(order, line, subscription, starts_at, ends_at)
    renewals.paid(order, starts_at=starts_at, at=at)
    return True


def _new_subscription(order: Order, by: Actor, at: datetime) -> Subscription:
    [line] = order.bought
    subscription = subscriptions.grant(
        plan=line.plan,
        quantity=line.quantity,
        channel=order.channel,
        purchaser=by.home,
        order_ref=str(order.pk),
        by=by,
        at=at,
    )
    _open_period(order, subscription)
    return subscription


def _more_seats(order: Order, by: Actor, at: datetime) -> Subscription:
    # The line of the next term, where that is paid already, is for the same seats.
    count = max(line.quantity for line in order.bought)
    subscription = subscriptions.add_seats(
        subscription=Subscription.objects.get(orders=order), count=count, by=by, at=at
    )
    # The newer wish holds: nobody expects the seats they just bought to go at the renewal.
    scheduled.withdraw(subscription=subscription, by=by, at=at)
    return subscription


def _another_term(order: Order, by: Actor, at: datetime) -> Subscription:
    subscription = lifecycle.reactivate(subscription=Subscription.objects.get(orders=order), by=by, at=at)
    _open_period(order, subscription)
    renewals.paid(order, starts_at=subscription.term_start, at=at)
    return subscription


def _next_term(order: Order, by: Actor, at: datetime) -> Subscription:
    # Locked by whoever saw that it is wanted, or placed it just now.
    subscription = order.subscription
    if subscription is None:
        raise Subscription.DoesNotExist
    [line] = order.bought
    scheduled.apply_with_next_term(subscription, line.quantity, at=at)
    starts_at, ends_at = next_terms.renew(subscription, quantity=line.quantity, by=by, at=at)
    _write_period(order, line, subscription, starts_at, ends_at)
    renewals.paid(order, starts_at=starts_at, at=at)
    return subscription


def _longer_term(order: Order, by: Actor, at: datetime) -> Subscription:
    [line] = order.lines.all()
    starts_at, ends_at = cast(datetime, line.starts_at), cast(datetime, line.ends_at)
    subscription = prolonging.prolong(
        subscription=Subscription.objects.get(orders=order),
        until=ends_at,
        anchor_at=cast(datetime, order.anchor_at),
        by=by,
        at=at,
    )
    _write_period(order, line, subscription, starts_at, ends_at)
    scheduled.follow(subscription, by=by, at=at)
    commitments.fall_due_from(subscription=subscription, begins=ends_at)
    return subscription


def _nothing_more(order: Order, by: Actor, at: datetime) -> Subscription:
    """The organisation pays for what is there. That it goes back to who paid before follows when it is settled."""
    for pk in TakeOver.objects.open().filter(order=order).values_list("pk", flat=True):
        jobs.enqueue("commerce.settle_take_over", take_over_id=str(pk))
    return Subscription.objects.locked().select_related("tenant", "plan").get(orders=order)


_BRING: dict[OrderKind, Callable[[Order, Actor, datetime], Subscription]] = {
    OrderKind.PURCHASE: _new_subscription,
    OrderKind.SEATS: _more_seats,
    OrderKind.REACTIVATION: _another_term,
    OrderKind.RENEWAL: _next_term,
    OrderKind.ALIGNMENT: _longer_term,
    OrderKind.REIMBURSEMENT: _nothing_more,
}


def _open_period(order: Order, subscription: Subscription) -> None:
    """The term that the lines are for, with the price version that it was charged at."""
    for line in order.bought:
        line.starts_at, line.ends_at = subscription.term_start, subscription.term_end
        line.save(update_fields=["starts_at", "ends_at"])
        _write_period(order, line, subscription, subscription.term_start, subscription.term_end)


def _write_period(
    order: Order, line: OrderLine, subscription: Subscription, starts_at: datetime, ends_at: datetime
) -> None:
    BillingPeriod.objects.create(
        tenant=order.tenant,
        subscription=subscription,
        line=line,
        starts_at=starts_at,
        ends_at=ends_at,
        currency=order.currency,
        unit_price=line.unit_price,
    )
