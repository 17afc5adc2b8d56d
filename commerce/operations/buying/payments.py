"""Paying for a checkout. The try itself is in `commerce.operations.paying.charging`."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.gateways.protocol import Charge
from commerce.models import Checkout, CheckoutState, Order, OrderLine, Payment
from commerce.operations.buying.checkouts import CheckoutCompleted, require_buyer, require_open
from commerce.operations.paying import cards, charging, orders
from commerce.operations.paying.cards import Means
from commerce.operations.paying.settlement import live_payment, release_card
from commerce.tax import TaxTerms
from policies import eligibility
from policies.eligibility import PurchaseRefused
from policies.operations import decisions
from tenants.access import Actor
from tenants.refusal import Refused


class NothingToConfirm(Refused):
    message = _("No payment of this checkout waits for a confirmation.")


def pay_checkout(*, checkout: Checkout, payment_method: str, return_url: str, by: Actor, at: datetime) -> Checkout:
    """
    Try a card. Returns the checkout `completed`, `requires_action`, or `processing` when the provider's answer is
    not known: the sweep will find out. A repeat while a payment is under way never charges again. `return_url` is
    where the bank's page sends the cardholder back.

    :raises NotAllowed: `by` is not its buyer
    :raises CardDeclined: declined; the checkout is open again
    :raises PaymentCanceled: the try took too long and was called off; nothing was charged
    :raises PaymentMethodNotAccepted: no credit card that the provider knows and that may pay here
    :raises ProviderUnavailable: the provider does not answer; nothing was tried
    :raises PurchaseRefused: a rule of eligibility forbids it by now
    :raises PaymentInProgress: another try is under way
    :raises CheckoutClosed: completed, expired or canceled
    :raises TooManyDeclines: the checkout, the person or the tenant had too many
    :raises TooManyCardsAtOnce: so many are under way that one more might pass the limit
    """
    require_buyer(checkout, by)
    means = cards.means(payment_method=payment_method, by=by)
    payment = _start(checkout, means, by=by, at=at)
    charging.send(payment=payment, return_url=return_url, at=at)
    return Checkout.objects.get(pk=checkout.pk)


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


def _start(checkout: Checkout, means: Means, *, by: Actor, at: datetime) -> Payment:
    """Transaction 1: decide again, and commit the try before the provider hears of it."""
    with transaction.atomic():
        checkout = Checkout.objects.locked().select_related("plan__product", "buyer__tenant").get(pk=checkout.pk)
        require_open(checkout, at=at)
        answer = eligibility.decide(
            by.home, checkout.plan.product, plan=checkout.plan, quantity=checkout.quantity, at=at
        )
        decisions.keep(answer=answer, plan=checkout.plan, quantity=checkout.quantity, by=by, at=at)
        if answer.allowed:
            order = Order.objects.filter(checkout=checkout).first() or _place_order(checkout, at=at)
            order.checkout = checkout
            payment = charging.start(order=order, means=means, by=by, at=at)
            checkout.state = CheckoutState.PROCESSING
            checkout.save(update_fields=["state"])
    if not answer.allowed:
        raise PurchaseRefused(answer)
    return payment


def _place_order(checkout: Checkout, *, at: datetime) -> Order:
    """As it was quoted."""
    line = OrderLine(
        plan=checkout.plan,
        quantity=checkout.quantity,
        unit_price=checkout.unit_price,
        amount=checkout.subtotal,
        tax=checkout.tax,
    )
    terms = TaxTerms.of(checkout)
    return orders.place(
        buyer=checkout.buyer, checkout=checkout, currency=checkout.currency, terms=terms, lines=[line], at=at
    )


def _learn(checkout: Checkout, *, by: Actor, at: datetime, ask: Callable[[UUID], Charge | None]) -> Checkout:
    require_buyer(checkout, by)
    waiting = live_payment(checkout)
    if waiting is None:
        checkout.refresh_from_db()  # a sweep may have been faster since the caller read it
        if checkout.state == CheckoutState.COMPLETED:
            return checkout
        require_open(checkout, at=None)
        raise NothingToConfirm
    charging.learn(payment=waiting, ask=ask, at=at)
    return Checkout.objects.get(pk=checkout.pk)
