"""
Paying for a checkout: a first transaction that commits the try, the provider's call outside any, and a second one
that writes down what became of it: `commerce.operations.settlement`.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.gateways.protocol import Charge, ChargeRequest, GatewayUnavailable, UnknownPaymentMethod
from commerce.models import Checkout, CheckoutState, Order, OrderLine, Payment, PaymentState
from commerce.operations import declines
from commerce.operations.checkouts import CheckoutCompleted, require_buyer, require_open
from commerce.operations.settlement import live_payment, release_card, settle_payment
from policies import eligibility
from policies.eligibility import PurchaseRefused
from policies.operations import decisions
from tenants.access import Actor
from tenants.journal import events
from tenants.refusal import Refused


class NothingToConfirm(Refused):
    message = _("No payment of this checkout waits for a confirmation.")


class CardDeclined(Refused):
    """The card was declined; the checkout stays open for another one."""

    http_status = 402
    message = _("Your card was declined. Nothing was charged; try another card.")


class PaymentCanceled(Refused):
    message = _("The payment took too long and was canceled. Nothing was charged; try again.")


class PaymentMethodNotAccepted(Refused):
    http_status = 400
    message = _("This is no credit card that can be charged. Self-service is paid by credit card only.")


def pay_checkout(*, checkout: Checkout, payment_method: str, return_url: str, by: Actor, at: datetime) -> Checkout:
    """
    Try a card. Returns the checkout `completed`, `requires_action`, or `processing` when the provider's answer is
    not known: the sweep will find out. A repeat while a payment is under way never charges again. `return_url` is
    where the bank's page sends the cardholder back.

    :raises NotAllowed: `by` is not its buyer
    :raises CardDeclined: declined; the checkout is open again
    :raises PaymentCanceled: the try took too long and was called off; nothing was charged
    :raises PaymentMethodNotAccepted: the token is no credit card that the provider knows
    :raises PurchaseRefused: a rule of eligibility forbids it by now
    :raises PaymentInProgress: another try is under way
    :raises CheckoutClosed: completed, expired or canceled
    :raises TooManyDeclines: the checkout, the person or the tenant had too many
    :raises TooManyCardsAtOnce: so many are under way that one more might pass the limit
    """
    gateway = gateways.current()
    try:
        gateway.check(payment_method)
    except UnknownPaymentMethod:
        raise PaymentMethodNotAccepted(field="payment_method") from None
    payment = _start(checkout, payment_method, gateway=gateway.name, by=by, at=at)
    request = ChargeRequest(
        key=payment.pk,
        amount=payment.amount,
        currency=payment.currency,
        payment_method=payment_method,
        customer=str(payment.payer_id),
        return_url=return_url,
    )
    try:
        charge = gateway.charge(request)
    except GatewayUnavailable:
        return Checkout.objects.get(pk=checkout.pk)
    return _shown(settle_payment(payment=payment, charge=charge, at=at))


def confirm_checkout(*, checkout: Checkout, by: Actor, at: datetime) -> Checkout:
    """
    After the cardholder's step, ask the provider what became of it. Completed already: the checkout as it is.

    :raises NotAllowed: `by` is not its buyer
    :raises CardDeclined: the bank or the cardholder said no
    :raises PaymentCanceled: the step was called off; nothing was charged
    :raises NothingToConfirm: no payment waits for a step
    :raises CheckoutClosed: expired or canceled
    :raises PaymentInProgress: the provider has not answered yet
    """
    return _learn(checkout, by=by, at=at, ask=lambda key: gateways.current().confirm(key))


def refresh_checkout(*, checkout: Checkout, by: Actor, at: datetime) -> Checkout:
    """
    When the cardholder comes back from the bank's page: it only asks, it never answers the step.

    :raises: as `confirm_checkout`
    """
    return _learn(checkout, by=by, at=at, ask=lambda key: gateways.current().find(key))


def give_up_waiting(*, checkout: Checkout, by: Actor, at: datetime) -> Checkout:
    """
    Release a card that waits for its holder, so that another one can be tried. Nothing waits: nothing changes.

    :raises NotAllowed: `by` is not its buyer
    :raises CheckoutCompleted: the cardholder was faster
    :raises PaymentInProgress: the provider does not answer now
    """
    require_buyer(checkout, by)
    release_card(checkout=checkout, at=at)
    checkout.refresh_from_db()
    if checkout.state == CheckoutState.COMPLETED:
        raise CheckoutCompleted
    return checkout


def _start(checkout: Checkout, payment_method: str, *, gateway: str, by: Actor, at: datetime) -> Payment:
    """Transaction 1: decide again, and commit the try before the provider hears of it."""
    require_buyer(checkout, by)
    with transaction.atomic():
        checkout = Checkout.objects.locked().select_related("plan__product", "buyer__tenant").get(pk=checkout.pk)
        require_open(checkout, at=at)
        answer = eligibility.decide(
            by.home, checkout.plan.product, plan=checkout.plan, quantity=checkout.quantity, at=at
        )
        decisions.keep(answer=answer, plan=checkout.plan, quantity=checkout.quantity, by=by, at=at)
        if answer.allowed:
            declines.refuse_after_declines(checkout=checkout, at=at)
            payment = _record_try(checkout, payment_method, gateway=gateway, by=by, at=at)
    if not answer.allowed:
        raise PurchaseRefused(answer)
    return payment


def _record_try(checkout: Checkout, payment_method: str, *, gateway: str, by: Actor, at: datetime) -> Payment:
    order = Order.objects.filter(checkout=checkout).first() or _place_order(checkout, at=at)
    payment = Payment.objects.create(
        tenant=checkout.tenant,
        order=order,
        payer=checkout.buyer,
        amount=order.total,
        currency=order.currency,
        payment_method=payment_method,
        gateway=gateway,
        started_at=at,
    )
    checkout.state = CheckoutState.PROCESSING
    checkout.save(update_fields=["state"])
    events.record("payment.started", tenant=checkout.tenant, by=by, at=at, subject=checkout.pk, payment=payment.pk)
    return payment


def _place_order(checkout: Checkout, *, at: datetime) -> Order:
    order = Order.objects.create(
        tenant=checkout.tenant,
        buyer=checkout.buyer,
        checkout=checkout,
        currency=checkout.currency,
        subtotal=checkout.subtotal,
        tax=checkout.tax,
        total=checkout.total,
        created_at=at,
    )
    OrderLine.objects.create(
        tenant=checkout.tenant,
        order=order,
        plan=checkout.plan,
        quantity=checkout.quantity,
        unit_price=checkout.unit_price,
        amount=checkout.subtotal,
        tax=checkout.tax,
    )
    return order


def _learn(checkout: Checkout, *, by: Actor, at: datetime, ask: Callable[[UUID], Charge | None]) -> Checkout:
    require_buyer(checkout, by)
    waiting = live_payment(checkout)
    if waiting is None:
        checkout.refresh_from_db()  # a sweep may have been faster since the caller read it
        if checkout.state == CheckoutState.COMPLETED:
            return checkout
        require_open(checkout, at=None)
        raise NothingToConfirm
    try:
        charge = ask(waiting.pk) if waiting.state == PaymentState.REQUIRES_ACTION else None
    except GatewayUnavailable:
        charge = None
    if charge is None:
        return checkout
    return _shown(settle_payment(payment=waiting, charge=charge, at=at))


def _shown(payment: Payment) -> Checkout:
    """The checkout after a try, or why it is not paid."""
    if payment.state == PaymentState.FAILED:
        raise CardDeclined(decline_code=payment.decline_code)
    if payment.state == PaymentState.CANCELED:
        raise PaymentCanceled
    return Checkout.objects.get(orders__payments=payment.pk)
