"""
What became of a charge, written down once: the second transaction of a payment.

Whoever learns of it (the page, the API, a sweep) ends in `settle_payment`, which is safe to repeat and to run at the
same time.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch, prefetch_related_objects
from django.utils.translation import gettext_lazy as _

from commerce import gateways, money
from commerce.gateways.protocol import Charge, GatewayUnavailable, Outcome
from commerce.models import Checkout, CheckoutState, Order, OrderState, Payment, PaymentState
from commerce.models.order import UNASKED
from commerce.models.payment import LIVE
from commerce.operations.accounts import ledger
from commerce.operations.paying import asking, bringing, cards, fulfilment, orders, refunds, spending
from commerce.operations.renewing import outcomes as renewals
from policies.operations import approvals, commitments
from tenants.access import SYSTEM, Actor
from tenants.delivery import jobs
from tenants.journal import events
from tenants.refusal import Refused
from tenants.scope import EVERYBODY, Scope

log = logging.getLogger(__name__)

# Over for us, until the provider says that it took the money after all.
THOUGHT_DEAD = (PaymentState.CANCELED, PaymentState.FAILED)


class PaymentInProgress(Refused):
    message = _("A payment of this order is in progress. Wait for its result before you try again.")


def settle_payment(*, payment: Payment, charge: Charge, at: datetime) -> Payment:
    """
    Write down what the provider says of a charge, and grant what it paid for. Once, however often it is called.

    What was captured is granted even if a rule changed meanwhile. Captured for an order that ended or is paid:
    refunded in full. Captured with another amount or currency: set aside, nothing granted.
    """
    with transaction.atomic():
        order = orders.lock_again(payment.order)
        payment = _tries(order)[payment.pk]
        if payment.state in LIVE or (payment.state in THOUGHT_DEAD and charge.outcome == Outcome.CAPTURED):
            _SETTLE[charge.outcome](payment, charge, at)
    if payment.refunded or payment.state == PaymentState.SURPLUS:
        refunds.send_waiting(payment, at=at)
    return payment


def _tries(order: Order) -> dict[UUID, Payment]:
    """All payments of an order, which the caller has locked."""
    prefetch_related_objects([order], Prefetch("payments", Payment.objects.select_related("tenant", "payer", "card")))
    return {payment.pk: payment for payment in order.payments.all()}


def reconcile(*, at: datetime, limit: int = 500) -> list[Payment]:
    """
    Ask the provider about each payment and then each refund whose answer is not known here. Returns the payments that
    were settled.
    """
    settled = reconcile_payments(at=at, limit=limit)
    refunds.retry_unsettled(at=at, limit=limit)
    return settled


def reconcile_payments(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> list[Payment]:
    """
    Ask the provider about each payment whose answer is not known here, never before 60 s have passed. Returns those
    that were settled.

    A key that the provider never saw is canceled there before it counts as dead: a request that is still on the way
    then charges nothing.
    """
    gateway = gateways.current()
    settled = []
    for payment in asking.claimed(asking.payments, at=at, limit=limit, among=among):
        try:
            charge = gateway.find(payment.pk) or gateway.cancel(payment.pk)
        except GatewayUnavailable:
            continue
        payment = settle_payment(payment=payment, charge=charge, at=at)
        if payment.state not in LIVE:
            settled.append(payment)
    return settled


def live_payment(checkout: Checkout) -> Payment | None:
    """The try that is under way, if one is."""
    return Payment.objects.live().filter(order__checkout=checkout).first()


def release_card(*, checkout: Checkout, at: datetime) -> None:
    """
    Call off a charge that waits for its holder. Outside any transaction: the provider decides who was first.

    :raises PaymentInProgress: the provider does not answer now, or is not in use any more
    """
    call_off(live_payment(checkout), at=at)


def call_off(payment: Payment | None, *, at: datetime) -> None:
    """As `release_card`, for the try itself. None, or one that does not wait for its holder: nothing changes."""
    if payment is None or payment.state != PaymentState.REQUIRES_ACTION:
        return
    gateway = gateways.current()
    if payment.gateway != gateway.name:
        raise PaymentInProgress  # this one never saw the key, and would take what was captured for called off
    try:
        charge = gateway.cancel(payment.pk)
    except GatewayUnavailable:
        raise PaymentInProgress from None
    settle_payment(payment=payment, charge=charge, at=at)


def end_checkout(*, checkout: Checkout, state: CheckoutState, by: Actor, at: datetime) -> None:
    """Close a checkout that the caller has locked, with the order that it never paid and the approval it waits for."""
    if checkout.state == CheckoutState.AWAITING_APPROVAL and state == CheckoutState.EXPIRED:
        lapsed = approvals.lapse(subject=checkout.pk, by=by, at=at)
        if lapsed:
            jobs.enqueue("commerce.tell_approval", approval_id=str(lapsed.pk))
    elif checkout.state == CheckoutState.AWAITING_APPROVAL:
        approvals.withdraw(subject=checkout.pk, by=by, at=at)
    checkout.state = state
    checkout.save(update_fields=["state"])
    for order in Order.objects.filter(checkout=checkout, state=OrderState.PENDING):
        orders.cancel(order, by=by, at=at)
    commitments.release(tenant=checkout.tenant, subject=checkout.pk)
    events.record(f"checkout.{state.value}", tenant=checkout.tenant, by=by, at=at, subject=checkout.pk)


def let_card_go(checkout: Checkout, *, told: str) -> None:
    """The card that was kept for an approved checkout, which the caller has locked, did not pay: its buyer is asked."""
    if checkout.kept_card_id is None and checkout.card_setup_id is None:
        return
    checkout.kept_card = checkout.card_setup = None
    checkout.save(update_fields=["kept_card", "card_setup"])
    jobs.enqueue("commerce.ask_to_pay", checkout_id=str(checkout.pk), why=told)


def _captured(payment: Payment, charge: Charge, at: datetime) -> None:
    payment.captured = charge.amount
    if (charge.amount, charge.currency) != (payment.amount, payment.currency):
        log.error("payment %s set aside: %s %s captured", payment.pk, charge.amount, charge.currency)
        _close(payment, PaymentState.SET_ASIDE, charge, at)
        ledger.set_aside_captured(payment=payment, currency=charge.currency, at=at)
        renewals.set_aside(payment.order)
        _give_up(payment.order, at)  # nobody pays a second time while the operator looks into it
    elif _is_surplus(payment, at):
        _close(payment, PaymentState.SURPLUS, charge, at)
        ledger.surplus_captured(payment=payment, at=at)
        if payment.order.checkout is None:
            _give_up(payment.order, at)
        refunds.give_back_surplus(payment=payment, at=at)
    else:
        unasked = payment.order.kind in UNASKED
        if charge.card and not (unasked and cards.is_known(charge.card, payment.card)):
            payment.card = cards.keep(
                details=charge.card, tenant=payment.tenant, member=cards.holder(payment), gateway=payment.gateway, at=at
            )
        _close(payment, PaymentState.SUCCEEDED, charge, at)
        ledger.captured(payment=payment, at=at)
        fulfilment.fulfil(order=payment.order, card=payment.card, at=at)


def _is_surplus(payment: Payment, at: datetime) -> bool:
    # Credited while the card was charged: less is due than was taken, and it can be paid anew.
    if payment.amount != payment.order.due or not bringing.is_wanted(payment.order, at=at):
        return True
    others = [tried for tried in _tries(payment.order).values() if tried.pk != payment.pk]
    return any(tried.state in (*LIVE, PaymentState.SUCCEEDED) for tried in others)


def _declined(payment: Payment, charge: Charge, at: datetime) -> None:
    payment.decline_code = charge.decline_code
    _close(payment, PaymentState.FAILED, charge, at)
    renewals.declined(payment.order, code=charge.decline_code, at=at)
    _make_payable(payment.order, at)
    if payment.order.checkout:
        let_card_go(payment.order.checkout, told="declined")


def _canceled(payment: Payment, charge: Charge, at: datetime) -> None:
    _close(payment, PaymentState.CANCELED, charge, at)
    if charge.decline_code:
        renewals.declined(payment.order, code=charge.decline_code, at=at)
    _make_payable(payment.order, at)


def _awaits_step(payment: Payment, charge: Charge, at: datetime) -> None:
    if payment.state == PaymentState.REQUIRES_ACTION:
        return
    payment.state = PaymentState.REQUIRES_ACTION
    payment.gateway_ref = charge.reference
    payment.action_url = charge.action_url
    payment.save(update_fields=["state", "gateway_ref", "action_url"])
    _turn(payment.order.checkout, CheckoutState.REQUIRES_ACTION)
    renewals.awaits_step(payment.order, at=at)
    if payment.order.checkout:
        let_card_go(payment.order.checkout, told="step")
    events.record(
        "payment.waiting", tenant=payment.tenant, by=SYSTEM, at=at, subject=_subject(payment), payment=payment.pk
    )


_SETTLE: dict[Outcome, Callable[[Payment, Charge, datetime], None]] = {
    Outcome.CAPTURED: _captured,
    Outcome.DECLINED: _declined,
    Outcome.CANCELED: _canceled,
    Outcome.REQUIRES_ACTION: _awaits_step,
}


def _make_payable(order: Order, at: datetime) -> None:
    """After a try that brought nothing. What was ordered without a checkout is ordered again instead."""
    if order.checkout:
        _turn(order.checkout, CheckoutState.OPEN)
        spending.let_go(order)
    else:
        _give_up(order, at)


def _give_up(order: Order, at: datetime) -> None:
    if order.state != OrderState.PENDING:
        return
    if order.checkout:
        end_checkout(checkout=order.checkout, state=CheckoutState.CANCELED, by=SYSTEM, at=at)
    else:
        orders.cancel(order, by=SYSTEM, at=at)


def _close(payment: Payment, state: PaymentState, charge: Charge, at: datetime) -> None:
    payment.state = state
    payment.gateway_ref = charge.reference
    payment.settled_at = at
    payment.save(update_fields=["state", "gateway_ref", "settled_at", "captured", "decline_code", "card"])
    events.record(
        f"payment.{state.value}",
        tenant=payment.tenant,
        by=SYSTEM,
        at=at,
        subject=_subject(payment),
        payment=payment.pk,
        amount=money.text(charge.amount, charge.currency),
        currency=charge.currency,
        decline_code=payment.decline_code,
    )


def _turn(checkout: Checkout | None, state: CheckoutState) -> None:
    if checkout and checkout.state in (CheckoutState.PROCESSING, CheckoutState.REQUIRES_ACTION):
        checkout.state = state
        checkout.save(update_fields=["state"])


def _subject(payment: Payment) -> UUID:
    return payment.order.checkout_id or payment.order_id
