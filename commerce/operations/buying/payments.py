"""Paying for a checkout. The try itself is in `commerce.operations.paying.charging`."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.gateways.protocol import Charge
from commerce.models import CardSetup, Checkout, CheckoutState, Order, OrderLine, Payment
from commerce.operations.buying import approval_requests, card_trials
from commerce.operations.buying.checkouts import CheckoutCompleted, decide_again, require_buyer, require_open
from commerce.operations.paying import card_setups, cards, charging, orders
from commerce.operations.paying.cards import Means
from commerce.operations.paying.settlement import live_payment, release_card
from commerce.tax import TaxTerms
from policies.eligibility import PurchaseRefused
from policies.operations import acknowledgements, approvals, commitments
from policies.operations.acknowledgements import NOTHING_READ, Read
from tenants.access import Actor
from tenants.refusal import Refused


class NothingToConfirm(Refused):
    message = _("No payment of this checkout waits for a confirmation.")


def pay_checkout(
    *,
    checkout: Checkout,
    payment_method: str,
    return_url: str,
    acknowledge: Read = NOTHING_READ,
    by: Actor,
    at: datetime,
) -> Checkout:
    """
    Try a card. Returns the checkout `completed`, `requires_action`, or `processing` when the provider's answer is
    not known: the sweep will find out. `awaiting_approval` where somebody has to approve it first: then the card is
    kept and charged after that. A repeat while a payment is under way never charges again. `return_url` is where the
    bank's page sends the cardholder back; `acknowledge` names the data policies that the buyer says to have read. Of
    one with a trial nothing is charged: as `card_trials.begin`.

    :raises NotAllowed: `by` is not its buyer
    :raises BadInput: a data policy asks to be read first; nothing was tried
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
    _note_reading(checkout, acknowledge, by=by, at=at)
    means = cards.means(payment_method=payment_method, by=by)
    if checkout.with_trial:
        return card_trials.begin(checkout=checkout, means=means, return_url=return_url, by=by, at=at)
    payment = start(checkout, means, by=by, at=at)
    if payment is None:
        return approval_requests.ask(checkout=checkout, means=means, return_url=return_url, by=by, at=at)
    charging.send(payment=payment, return_url=return_url, at=at)
    return Checkout.objects.get(pk=checkout.pk)


def ask_for_approval(
    *,
    checkout: Checkout,
    payment_method: str = "",
    return_url: str,
    acknowledge: Read = NOTHING_READ,
    by: Actor,
    at: datetime,
) -> Checkout:
    """
    Have a checkout that needs an approval wait for it. Without a card, payment is asked for when it is approved.

    :raises BadInput: as `pay_checkout`
    :raises: as `approval_requests.ask`
    """
    require_buyer(checkout, by)
    _note_reading(checkout, acknowledge, by=by, at=at)
    means = cards.means(payment_method=payment_method, by=by) if payment_method else None
    return approval_requests.ask(checkout=checkout, means=means, return_url=return_url, by=by, at=at)


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
    return _learn(
        checkout, by=by, at=at, ask=lambda key: gateways.current().confirm(key), learn_setup=card_setups.confirm
    )


def refresh_checkout(*, checkout: Checkout, by: Actor, at: datetime) -> Checkout:
    """
    When the cardholder comes back from the bank's page: it only asks, it never answers the step.

    :raises: as `confirm_checkout`
    """
    return _learn(checkout, by=by, at=at, ask=lambda key: gateways.current().find(key), learn_setup=card_setups.refresh)


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


def start(checkout: Checkout, means: Means, *, kept: bool = False, by: Actor, at: datetime) -> Payment | None:
    """
    Transaction 1: decide again, and commit the try before the provider hears of it. None: somebody has to approve it
    first. `kept`: with the card that was kept for the time after the approval; any other comes in its place.

    :raises: as `pay_checkout`
    """
    with transaction.atomic():
        checkout = Checkout.objects.locked().select_related("plan__product", "buyer__tenant").get(pk=checkout.pk)
        if checkout.state == CheckoutState.AWAITING_APPROVAL:
            return None
        require_open(checkout, at=at)
        answer, proposal = decide_again(checkout, by=by, at=at)
        is_answered = approvals.answered(answer, subject=checkout.pk, quantity=checkout.quantity)
        if is_answered:
            commitments.commit_spend(proposal=proposal, member=by.home, product=checkout.plan.product, at=at)
            order = Order.objects.filter(checkout=checkout).first() or _place_order(checkout, at=at)
            order.checkout = checkout
            payment = charging.start(order=order, means=means, by=by, at=at)
            checkout.state = CheckoutState.PROCESSING
            if not kept:
                checkout.kept_card = checkout.card_setup = None
            checkout.save(update_fields=["state", "kept_card", "card_setup"])
    if is_answered:
        return payment
    if answer.needs_approval:
        return None
    raise PurchaseRefused(answer)


def _note_reading(checkout: Checkout, read: Read, *, by: Actor, at: datetime) -> None:
    """Of one that has come further, it was asked when it went on its way."""
    if checkout.state == CheckoutState.OPEN:
        acknowledgements.acknowledge(product=checkout.plan.product, subject=checkout.pk, read=read, by=by, at=at)


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


def _learn(
    checkout: Checkout,
    *,
    by: Actor,
    at: datetime,
    ask: Callable[[UUID], Charge | None],
    learn_setup: Callable[..., CardSetup],
) -> Checkout:
    require_buyer(checkout, by)
    waiting = live_payment(checkout)
    if waiting is None:
        checkout.refresh_from_db()  # a sweep may have been faster since the caller read it
        if checkout.state == CheckoutState.AWAITING_APPROVAL:
            return approval_requests.learn_card(checkout, learn=learn_setup, by=by, at=at)
        if checkout.state == CheckoutState.COMPLETED:
            return checkout
        if approval_requests.is_keeping_a_card(checkout):
            return card_trials.learn(checkout=checkout, learn_setup=learn_setup, by=by, at=at)
        require_open(checkout, at=None)
        raise NothingToConfirm
    charging.learn(payment=waiting, ask=ask, at=at)
    return Checkout.objects.get(pk=checkout.pk)
