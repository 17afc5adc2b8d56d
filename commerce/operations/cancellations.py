"""Ending a subscription early, with the money that goes back for it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from commerce import money
from commerce.models import OrderLine, OrderState, Payment, PaymentState, Refund
from commerce.models.payment import RefundReason
from commerce.models.purchase import REFUND_WINDOW
from commerce.operations import refunds
from licensing.models import EndCause, Subscription, SubscriptionState
from licensing.operations import lifecycle, subscriptions
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor
from tenants.journal import events
from tenants.text import require_plain


@dataclass(frozen=True, kw_only=True)
class LineRefund:
    """What goes back for one line: the part of its period that is not used yet."""

    line: OrderLine
    payment: Payment
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Cancellation:
    """What canceling does. With refunds access ends at once; without, at `ends_at`, the end of the paid term."""

    subscription: Subscription
    refunds: tuple[LineRefund, ...]
    currency: str
    ends_at: datetime

    @property
    def total(self) -> Decimal:
        return sum((refund.amount for refund in self.refunds), money.ZERO)

    @property
    def given_back(self) -> dict[str, str]:
        """As the journal keeps it; nothing where nothing goes back."""
        if not self.refunds:
            return {}
        return {"refund": money.text(self.total, self.currency), "currency": self.currency}


def preview_cancellation(*, subscription: Subscription, by: Actor, at: datetime) -> Cancellation:
    """
    What `cancel_subscription` would do at this moment; changes nothing.

    :raises NotAllowed: not its owner, nor an admin who may end it
    :raises SubscriptionInactive: it has ended already
    """
    subscriptions.require_ender(subscription, by)
    if not subscription.gives_access:
        raise SubscriptionInactive
    back = _refundable(subscription, at)
    # In grace the term is over: without money to give back there is nothing left to cancel.
    if not back and subscription.state != SubscriptionState.ACTIVE:
        raise SubscriptionInactive
    return _cancellation(subscription, back, ends_at=at if back else subscription.term_end)


def past_cancellation(*, subscription: Subscription) -> Cancellation | None:
    """What an earlier cancel did: for the retry of a call that died before it could answer. None: it was no cancel."""
    given_back = Refund.objects.filter(
        line__order__subscription=subscription, reason=RefundReason.CANCELED
    ).select_related("line__order", "line__plan__product", "payment")
    back = tuple(
        LineRefund(line=refund.line, payment=refund.payment, amount=refund.amount)
        for refund in given_back
        if refund.line and refund.payment
    )
    if subscription.end_cause != EndCause.CANCELED or not given_back:
        return None
    return _cancellation(subscription, back, ends_at=given_back[0].created_at)


def _refundable(subscription: Subscription, at: datetime) -> tuple["LineRefund", ...]:
    lines = list(
        OrderLine.objects.filter(
            order__subscription=subscription, order__state=OrderState.PAID, order__paid_at__gt=at - REFUND_WINDOW
        ).select_related("order", "plan__product")
    )
    payments = {
        payment.order_id: payment
        for payment in Payment.objects.filter(
            order__in=[line.order_id for line in lines], state=PaymentState.SUCCEEDED
        ).select_related("tenant", "order")
    }
    return tuple(_unused(line, payments[line.order_id], at) for line in lines)


def _cancellation(subscription: Subscription, back: tuple["LineRefund", ...], *, ends_at: datetime) -> Cancellation:
    currency = back[0].payment.currency if back else ""
    return Cancellation(subscription=subscription, refunds=back, currency=currency, ends_at=ends_at)


def cancel_subscription(*, subscription: Subscription, reason: str, by: Actor, at: datetime) -> Cancellation:
    """
    Cancel. Inside the refund window (7 times 24 h from the charge) access ends now and the unused part goes back to the
    card; outside it, automatic renewal is turned off and the paid term runs to its end. Off already: nothing changes.

    :raises NotAllowed: not its owner, nor an admin who may end it
    :raises SubscriptionInactive: it has ended already
    :raises BadInput: control characters in the reason
    """
    require_plain(reason, field="reason")
    with transaction.atomic():
        subscription = Subscription.objects.locked().get(pk=subscription.pk)
        cancellation = preview_cancellation(subscription=subscription, by=by, at=at)
        if not cancellation.refunds and not subscription.auto_renew:
            return cancellation  # it ends at that moment already
        for back in cancellation.refunds:
            if back.amount:
                refunds.give_back(
                    line=back.line,
                    quantity=back.line.seats_left,
                    amount=back.amount,
                    tax=money.ZERO,
                    reason=RefundReason.CANCELED,
                    by=by,
                    at=at,
                )
        if cancellation.refunds:
            lifecycle.end(subscription=subscription, cause=EndCause.CANCELED, by=by, at=at)
        else:
            subscriptions.set_auto_renew(subscription=subscription, auto_renew=False, by=by, at=at)
        events.record(
            "subscription.canceled",
            tenant=subscription.tenant,
            by=by,
            at=at,
            subject=subscription.pk,
            reason=reason,
            ends_at=cancellation.ends_at,
            **cancellation.given_back,
        )
    for back in cancellation.refunds:
        refunds.send_waiting(back.payment, at=at)
    return cancellation


def _unused(line: OrderLine, payment: Payment, at: datetime) -> LineRefund:
    paid = line.amount + line.tax
    if line.starts_at is None or line.ends_at is None:
        return LineRefund(line=line, payment=payment, amount=money.ZERO)
    part = money.unused_part(paid, payment.currency, start=line.starts_at, end=line.ends_at, at=at)
    return LineRefund(line=line, payment=payment, amount=part)
