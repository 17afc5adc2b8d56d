"""
What became of a charge, written down once: the second transaction of a payment.

Whoever learns of it (the page, the API, a sweep) ends in `settle_payment`, which is safe to repeat and to run at the
same time.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import gateways, money
from commerce.gateways.protocol import Charge, GatewayUnavailable, Outcome
from commerce.models import Checkout, CheckoutState, Order, OrderState, Payment, PaymentState
from commerce.models.checkout import CLOSED
from commerce.models.payment import LIVE
from commerce.operations import fulfilment, refunds
from tenants.access import SYSTEM, Actor
from tenants.journal import events
from tenants.refusal import Refused

log = logging.getLogger(__name__)

ASK_AFTER = timedelta(seconds=60)


class PaymentInProgress(Refused):
    message = _("A payment of this checkout is in progress. Wait for its result before you try again.")


def settle_payment(*, payment: Payment, charge: Charge, at: datetime) -> Payment:
    """
    Write down what the provider says of a charge, and grant what it paid for. Once, however often it is called.

    What was captured is granted even if a rule changed meanwhile. Captured for a checkout that ended, or for an
    order that is paid: refunded in full. Captured with another amount or currency: set aside, nothing granted.
    """
    with transaction.atomic():
        checkout = Checkout.objects.locked().get(orders__payments=payment.pk)
        payment = Payment.objects.select_related("order", "tenant").get(pk=payment.pk)
        if payment.state in LIVE or (payment.state == PaymentState.CANCELED and charge.outcome == Outcome.CAPTURED):
            _SETTLE[charge.outcome](checkout, payment, charge, at)
    refunds.send_waiting(payment, at=at)
    return payment


def reconcile(*, at: datetime, limit: int = 500) -> list[Payment]:
    """
    Ask the provider about each payment whose answer is not known here, never before 60 s have passed. Returns those
    that were settled.

    A key that the provider never saw is canceled there before it counts as dead: a request that is still on the way
    then charges nothing.
    """
    gateway = gateways.current()
    settled = []
    for payment in Payment.objects.unanswered(at - ASK_AFTER)[:limit]:
        # First, so that one that cannot be settled goes to the end of the line instead of holding up the others.
        Payment.objects.filter(pk=payment.pk).update(asked_at=at)
        try:
            charge = gateway.find(payment.pk) or gateway.cancel(payment.pk)
        except GatewayUnavailable:
            continue
        payment = settle_payment(payment=payment, charge=charge, at=at)
        if payment.state not in LIVE:
            settled.append(payment)
    refunds.retry_unsettled(started_before=at - ASK_AFTER, at=at, limit=limit)
    return settled


def live_payment(checkout: Checkout) -> Payment | None:
    """The try that is under way, if one is."""
    return Payment.objects.live().filter(order__checkout=checkout).first()


def release_card(*, checkout: Checkout, at: datetime) -> None:
    """
    Call off a charge that waits for its holder. Outside any transaction: the provider decides who was first.

    :raises PaymentInProgress: the provider does not answer now
    """
    waiting = live_payment(checkout)
    if waiting is None or waiting.state != PaymentState.REQUIRES_ACTION:
        return
    try:
        charge = gateways.current().cancel(waiting.pk)
    except GatewayUnavailable:
        raise PaymentInProgress from None
    settle_payment(payment=waiting, charge=charge, at=at)


def end_checkout(*, checkout: Checkout, state: CheckoutState, by: Actor, at: datetime) -> None:
    """Close a checkout that the caller has locked, with the order that it never paid."""
    checkout.state = state
    checkout.save(update_fields=["state"])
    for order in Order.objects.filter(checkout=checkout, state=OrderState.PENDING):
        order.state = OrderState.CANCELED
        order.save(update_fields=["state"])
        events.record("order.canceled", tenant=checkout.tenant, by=by, at=at, subject=order.pk)
    events.record(f"checkout.{state.value}", tenant=checkout.tenant, by=by, at=at, subject=checkout.pk)


def _captured(checkout: Checkout, payment: Payment, charge: Charge, at: datetime) -> None:
    payment.captured = charge.amount
    others = Payment.objects.filter(order=payment.order).exclude(pk=payment.pk)
    closed = checkout.state in CLOSED
    if (charge.amount, charge.currency) != (payment.amount, payment.currency):
        log.error("payment %s set aside: %s %s captured", payment.pk, charge.amount, charge.currency)
        _close(payment, PaymentState.SET_ASIDE, charge, at)
        if not closed:  # nobody pays a second time while the operator looks into it
            end_checkout(checkout=checkout, state=CheckoutState.CANCELED, by=SYSTEM, at=at)
    elif closed or others.filter(state__in=(*LIVE, PaymentState.SUCCEEDED)).exists():
        _close(payment, PaymentState.SURPLUS, charge, at)
        refunds.give_back_surplus(payment=payment, at=at)
    else:
        _close(payment, PaymentState.SUCCEEDED, charge, at)
        fulfilment.fulfil(checkout=checkout, order=payment.order, at=at)


def _declined(checkout: Checkout, payment: Payment, charge: Charge, at: datetime) -> None:
    payment.decline_code = charge.decline_code
    _close(payment, PaymentState.FAILED, charge, at)
    _turn(checkout, CheckoutState.OPEN)


def _canceled(checkout: Checkout, payment: Payment, charge: Charge, at: datetime) -> None:
    _close(payment, PaymentState.CANCELED, charge, at)
    _turn(checkout, CheckoutState.OPEN)


def _awaits_step(checkout: Checkout, payment: Payment, charge: Charge, at: datetime) -> None:
    if payment.state == PaymentState.REQUIRES_ACTION:
        return
    payment.state = PaymentState.REQUIRES_ACTION
    payment.gateway_ref = charge.reference
    payment.action_url = charge.action_url
    payment.save(update_fields=["state", "gateway_ref", "action_url"])
    _turn(checkout, CheckoutState.REQUIRES_ACTION)
    events.record("payment.waiting", tenant=payment.tenant, by=SYSTEM, at=at, subject=checkout.pk, payment=payment.pk)


_SETTLE: dict[Outcome, Callable[[Checkout, Payment, Charge, datetime], None]] = {
    Outcome.CAPTURED: _captured,
    Outcome.DECLINED: _declined,
    Outcome.CANCELED: _canceled,
    Outcome.REQUIRES_ACTION: _awaits_step,
}


def _close(payment: Payment, state: PaymentState, charge: Charge, at: datetime) -> None:
    payment.state = state
    payment.gateway_ref = charge.reference
    payment.settled_at = at
    payment.save(update_fields=["state", "gateway_ref", "settled_at", "captured", "decline_code"])
    events.record(
        f"payment.{state.value}",
        tenant=payment.tenant,
        by=SYSTEM,
        at=at,
        subject=payment.order.checkout_id,
        payment=payment.pk,
        amount=money.text(charge.amount, charge.currency),
        currency=charge.currency,
        decline_code=payment.decline_code,
    )


def _turn(checkout: Checkout, state: CheckoutState) -> None:
    if checkout.state in (CheckoutState.PROCESSING, CheckoutState.REQUIRES_ACTION):
        checkout.state = state
        checkout.save(update_fields=["state"])
