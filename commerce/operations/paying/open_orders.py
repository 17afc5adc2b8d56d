"""
Orders that wait for their payment: the cardholder's step, and giving up. Those of a checkout end with it; the others
are ordered anew.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.gateways.protocol import Charge
from commerce.models import Order, OrderState, Payment
from commerce.models.order import GRANTED
from commerce.operations.buying import checkouts
from commerce.operations.buying.payments import NothingToConfirm
from commerce.operations.paying import charging, orders, settlement
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.takeover import standing
from licensing.models import Subscription
from tenants.access import SYSTEM, Actor
from tenants.refusal import NotAllowed, Refused
from tenants.scope import EVERYBODY, Scope

# After that a card that waits for its holder is released, so that another one can pay.
WAITS_AT_MOST = timedelta(hours=24)


class OrderCanceled(Refused):
    message = _("This order was canceled. Nothing was charged; order again.")


class OrderCompleted(Refused):
    message = _("This order was paid already.")


def require_nothing_pending(subscription: Subscription) -> None:
    """
    That nothing stands in the way of changing it, or of charging for it.

    :raises PaymentInProgress: another order of it waits for its payment. :raises TakenOver: it may yet be given back
    """
    standing.require_none(subscription)
    if pending(subscription):
        raise PaymentInProgress


def pending(subscription: Subscription) -> Order | None:
    """The order that waits for its payment."""
    return Order.objects.filter(
        tenant=subscription.tenant_id, subscription=subscription, state=OrderState.PENDING
    ).first()


def confirm_order(*, order: Order, by: Actor, at: datetime) -> Order:
    """
    After the cardholder's step, ask the provider what became of it. Paid already: the order as it is.

    :raises NotAllowed: `by` did not order it
    :raises CardDeclined: the bank or the cardholder said no
    :raises PaymentCanceled: the step was called off; nothing was charged
    :raises NothingToConfirm: no payment waits for a step
    :raises OrderCanceled: it was given up, or its card was declined before
    """
    return _learn(order, by=by, at=at, ask=lambda key: gateways.current().confirm(key))


def refresh_order(*, order: Order, by: Actor, at: datetime) -> Order:
    """
    When the cardholder comes back from the bank's page: it only asks, it never answers the step.

    :raises: as `confirm_order`
    """
    return _learn(order, by=by, at=at, ask=lambda key: gateways.current().find(key))


def cancel_order(*, order: Order, by: Actor, at: datetime) -> Order:
    """
    Give an order up that is not paid. A card that waits for its holder is released first; done already: nothing
    changes.

    :raises NotAllowed: `by` did not order it
    :raises OrderCompleted: it was paid, perhaps this very moment
    :raises PaymentInProgress: the provider has not answered yet
    :raises CheckoutClosed: it is a checkout's, which has ended
    """
    require_buyer(order, by)
    if order.checkout is not None:
        checkouts.cancel_checkout(checkout=order.checkout, by=by, at=at)
    else:
        _end(order, by=by, at=at)
    return Order.objects.get(pk=order.pk)


def overdue(at: datetime) -> QuerySet[Order]:
    """Those that wait for their cardholder for longer than they may."""
    return Order.objects.filter(state=OrderState.PENDING, checkout=None, created_at__lte=at - WAITS_AT_MOST)


def cancel_overdue(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """End the orders that wait for their cardholder since yesterday. Returns how many."""
    ended = 0
    for order in among.of(overdue(at)).order_by("created_at")[:limit]:
        try:
            _end(order, by=SYSTEM, at=at)
        except (OrderCompleted, PaymentInProgress):
            continue
        ended += 1
    return ended


def require_buyer(order: Order, by: Actor) -> None:
    """:raises NotAllowed: an order is confirmed and canceled by the person who placed it, or who pays its invoice"""
    paying = live_payment(order)
    if not by.is_member(order.buyer_id) and not (paying and by.is_member(paying.payer_id)):
        raise NotAllowed(_("Only the person who placed this order can do this."))


def outcome(order_id: UUID) -> Order:
    """
    An order without a checkout, as it is after its card was tried.

    :raises CardDeclined: :raises PaymentCanceled: :raises PaymentNotNeeded: :raises PaymentSetAside: as its last try
    :raises OrderCanceled: it was given up without one
    """
    order = Order.objects.get(pk=order_id)
    if order.state != OrderState.CANCELED:
        return order
    tried = Payment.objects.filter(order=order).order_by("started_at", "pk").last()
    if tried:
        charging.shown(tried)
    raise OrderCanceled


def live_payment(order: Order) -> Payment | None:
    """The try that is under way, if one is."""
    return Payment.objects.live().filter(order=order).first()


def _end(order: Order, *, by: Actor, at: datetime) -> None:
    settlement.call_off(live_payment(order), at=at)
    with transaction.atomic():
        order = orders.lock(order.pk)
        if order.state in GRANTED:
            raise OrderCompleted
        if order.state == OrderState.PENDING:
            if live_payment(order):
                raise PaymentInProgress
            orders.cancel(order, by=by, at=at)


def _learn(order: Order, *, by: Actor, at: datetime, ask: Callable[[UUID], Charge | None]) -> Order:
    require_buyer(order, by)
    waiting = live_payment(order)
    if waiting is not None:
        charging.learn(payment=waiting, ask=ask, at=at)
        return Order.objects.get(pk=order.pk)
    order.refresh_from_db()  # a sweep may have been faster since the caller read it
    if order.state == OrderState.CANCELED:
        raise OrderCanceled
    if order.state == OrderState.PENDING:
        raise NothingToConfirm
    return order
