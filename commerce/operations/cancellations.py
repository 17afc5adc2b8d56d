"""Ending a subscription early, with the money that goes back for it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from commerce import money
from commerce.models import OrderLine, OrderState, Payment, PaymentState
from commerce.models.payment import RefundReason
from commerce.models.purchase import REFUND_WINDOW
from commerce.operations import refunds
from licensing.models import EndCause, Subscription
from licensing.operations import subscriptions
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor
from tenants.journal import events


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


def preview_cancellation(*, subscription: Subscription, by: Actor, at: datetime) -> Cancellation:
    """
    What `cancel_subscription` would do at this moment; changes nothing.

    :raises NotAllowed: not its owner, nor an admin who may end it
    :raises SubscriptionInactive: it has ended already
    """
    subscriptions.require_ender(subscription, by)
    if not subscription.gives_access:
        raise SubscriptionInactive
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
    back = tuple(_unused(line, payments[line.order_id], at) for line in lines)
    return Cancellation(
        subscription=subscription,
        refunds=back,
        currency=back[0].payment.currency if back else "",
        ends_at=at if back else subscription.term_end,
    )


def cancel_subscription(*, subscription: Subscription, reason: str, by: Actor, at: datetime) -> Cancellation:
    """
    Cancel. Inside the refund window (7 times 24 h from the charge) access ends now and the unused part goes back to the
    card; outside it, automatic renewal is turned off and the paid term runs to its end.

    :raises NotAllowed: not its owner, nor an admin who may end it
    :raises SubscriptionInactive: it has ended already
    """
    with transaction.atomic():
        subscription = Subscription.objects.locked().get(pk=subscription.pk)
        cancellation = preview_cancellation(subscription=subscription, by=by, at=at)
        for back in cancellation.refunds:
            if back.amount:
                refunds.open_refund(
                    payment=back.payment,
                    line=back.line,
                    amount=back.amount,
                    reason=RefundReason.CANCELED,
                    by=by,
                    at=at,
                )
        if cancellation.refunds:
            subscriptions.end(subscription=subscription, cause=EndCause.CANCELED, by=by, at=at)
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
            refund=money.text(cancellation.total, cancellation.currency),
            currency=cancellation.currency,
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
