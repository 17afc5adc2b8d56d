"""
Trying a card for an order: a first transaction that commits the try, the provider's call outside any, and a second
one that writes down what became of it (`commerce.operations.paying.settlement`).
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.gateways.protocol import Charge, ChargeRequest, GatewayUnavailable, UnknownPaymentMethod
from commerce.models import Order, Payment, PaymentMethod, PaymentState
from commerce.operations.paying import cards, declines
from commerce.operations.paying.cards import Means
from commerce.operations.paying.settlement import settle_payment
from tenants.access import SYSTEM, Actor
from tenants.directory.models import Membership
from tenants.journal import events
from tenants.refusal import Refused


class CardDeclined(Refused):
    """The card was declined; another one may be tried."""

    http_status = 402
    message = _("Your card was declined. Nothing was charged; try another card.")


class PaymentCanceled(Refused):
    message = _("The payment took too long and was canceled. Nothing was charged; try again.")


class PaymentNotNeeded(Refused):
    """It was captured for something that could not be had any more."""

    message = _("What you ordered could not be had any more. Your payment is refunded in full.")


class PaymentSetAside(Refused):
    """Another amount was captured than was asked for."""

    message = _("The payment did not come as it was asked for. Nothing was granted; we look into it and contact you.")


# What the provider never knew, or has forgotten.
CARD_UNKNOWN = "unknown_card"
# Money was taken, and brought nothing: to send it again helps nobody.
CAME_TO_NOTHING = (PaymentNotNeeded, PaymentSetAside)


def start(*, order: Order, means: Means, by: Actor, at: datetime) -> Payment:
    """
    Commit to a try, in the caller's transaction, which holds the order's lock. The provider hears of it after that.

    :raises PaymentMethodNotAccepted: the kept card was removed meanwhile, or is not the payer's
    :raises TooManyDeclines: the checkout, the person or the tenant had too many
    :raises TooManyCardsAtOnce: so many are under way that one more might pass the limit
    """
    declines.refuse_after_declines(payer=by.home, checkout=order.checkout, at=at)
    payment = _insert(order, means, payer=by.home, at=at)
    cards.require_kept(payment)
    _record_start(payment, by=by, at=at)
    return payment


def start_off_session(*, order: Order, card: PaymentMethod, at: datetime) -> Payment:
    """As `start`, where nobody sits in front of it: the kept card of whom the order bills. No limit of declines."""
    payment = _insert(order, Means(token=card.reference, card=card), payer=order.buyer, at=at)
    _record_start(payment, by=SYSTEM, at=at)
    return payment


def _insert(order: Order, means: Means, *, payer: Membership, at: datetime) -> Payment:
    return Payment.objects.create(
        tenant=order.tenant,
        order=order,
        payer=payer,
        amount=order.due,
        currency=order.currency,
        payment_method=means.token,
        card=means.card,
        gateway=gateways.current().name,
        started_at=at,
    )


def _record_start(payment: Payment, *, by: Actor, at: datetime) -> None:
    events.record(
        "payment.started",
        tenant=payment.tenant,
        by=by,
        at=at,
        subject=payment.order.checkout_id or payment.order_id,
        payment=payment.pk,
    )


def send(*, payment: Payment, return_url: str, at: datetime, off_session: bool = False) -> Payment:
    """
    Ask the provider, outside any transaction, and settle. As it was when the answer is not known: the sweep finds out.

    :raises CardDeclined: declined. :raises PaymentCanceled: called off; nothing was charged
    :raises PaymentNotNeeded: :raises PaymentSetAside: as `shown`
    """
    return shown(attempt(payment=payment, return_url=return_url, at=at, off_session=off_session))


def attempt(*, payment: Payment, return_url: str, at: datetime, off_session: bool = False) -> Payment:
    """As `send`, for a caller who reads from the payment's state what became of it."""
    request = ChargeRequest(
        key=payment.pk,
        amount=payment.amount,
        currency=payment.currency,
        payment_method=payment.payment_method,
        customer=cards.customer(payment),
        return_url=return_url,
        off_session=off_session,
    )
    charge = _answer(request)
    return settle_payment(payment=payment, charge=charge, at=at) if charge else payment


def learn(*, payment: Payment, ask: Callable[[UUID], Charge | None], at: datetime) -> Payment:
    """
    Ask the provider about a try that waits for its cardholder. As it was when there is no news, or the provider is not
    in use any more.

    :raises CardDeclined: the bank or the cardholder said no. :raises PaymentCanceled: called off
    :raises PaymentNotNeeded: :raises PaymentSetAside: as `shown`
    """
    is_its_own = payment.gateway == gateways.current().name
    try:
        charge = ask(payment.pk) if is_its_own and payment.state == PaymentState.REQUIRES_ACTION else None
    except GatewayUnavailable:
        charge = None
    return shown(settle_payment(payment=payment, charge=charge, at=at)) if charge else payment


def _answer(request: ChargeRequest) -> Charge | None:
    gateway = gateways.current()
    with suppress(GatewayUnavailable):
        try:
            return gateway.charge(request)
        except UnknownPaymentMethod:
            # Forgotten there since it was asked for: nothing was charged, and by this key nothing will be.
            return replace(gateway.cancel(request.key), decline_code=CARD_UNKNOWN)
    return None


def shown(payment: Payment) -> Payment:
    """
    What became of a try that brought nothing.

    :raises CardDeclined: :raises PaymentCanceled: nothing was charged
    :raises PaymentNotNeeded: charged and given back in full. :raises PaymentSetAside: charged wrongly
    """
    if payment.state == PaymentState.FAILED:
        raise CardDeclined(decline_code=payment.decline_code)
    if payment.state == PaymentState.CANCELED:
        raise PaymentCanceled
    if payment.state == PaymentState.SURPLUS:
        raise PaymentNotNeeded
    if payment.state == PaymentState.SET_ASIDE:
        raise PaymentSetAside
    return payment
