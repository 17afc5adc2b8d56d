"""Money back. A Refund row is committed first; the provider is asked outside the transaction and repeats by its key."""

import logging
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from commerce import gateways, money
from commerce.gateways.protocol import GatewayUnavailable, RefundAnswer, RefundOutcome
from commerce.models import Order, OrderLine, OrderState, Payment, PaymentState, Refund, RefundReason, RefundState
from commerce.operations.accounts import ledger
from commerce.operations.billing import invoices
from commerce.operations.paying import asking, orders, spending
from tenants.access import SYSTEM, Actor
from tenants.journal import events
from tenants.refusal import Refused
from tenants.scope import EVERYBODY, Scope


class _What(TypedDict):
    line: OrderLine
    quantity: int
    amount: Decimal
    tax: Decimal
    reason: RefundReason


log = logging.getLogger(__name__)


class ChargeContested(Refused):
    message = _("The cardholder contests this charge at the bank, so nothing of it is refunded.")


class NothingSetAside(Refused):
    message = _("Nothing of this payment is set aside any more.")


class NothingToMakeGood(Refused):
    message = _("This refund did not fail, or it is being made good already.")


class NotEnoughLeft(Refused):
    message = _("Less than that is left of this charge.")


def give_back(
    *, line: OrderLine, quantity: int, amount: Decimal, tax: Decimal, reason: RefundReason, by: Actor, at: datetime
) -> Refund:
    """
    Give back seats of a line with money, `tax` being its part of `amount`. In the caller's transaction, which holds
    the order's lock. Paid already: to the card, by a refund that is sent after the commit. Not paid yet: it lowers
    what is due on the invoice, at once.
    """
    order = line.order
    OrderLine.objects.filter(pk=line.pk).update(returned=F("returned") + quantity)
    what: _What = {"line": line, "quantity": quantity, "amount": amount, "tax": tax, "reason": reason}
    if order.state == OrderState.PAID:
        payment = Payment.objects.get(order=order, state=PaymentState.SUCCEEDED)
        return _open(payment, by=by, at=at, **what)
    Order.objects.filter(pk=order.pk).update(credited=F("credited") + amount)
    refund = Refund.objects.create(
        tenant=order.tenant, order=order, state=RefundState.SUCCEEDED, created_at=at, settled_at=at, **what
    )
    _record("refund.succeeded", refund, order.currency, by, at)
    ledger.credited(refund=refund, at=at)
    spending.given_back(refund, at=at)
    invoices.issue_credit_note(refund=refund, at=at)
    return refund


def give_back_surplus(*, payment: Payment, at: datetime) -> None:
    """Everything that a payment captured without need."""
    _open(payment, amount=payment.captured, reason=RefundReason.SURPLUS, by=SYSTEM, at=at)


def give_back_set_aside(*, payment: Payment, by: Actor, at: datetime) -> Refund:
    """
    Everything that a payment captured with another amount or currency than agreed. In the caller's transaction, which
    holds the order's lock; sent after the commit.

    :raises NothingSetAside: it is given back already, or was not set aside. :raises ChargeContested: the bank has it
    """
    waiting = Payment.objects.set_aside().filter(pk=payment.pk).first()
    if waiting is None:
        raise NothingSetAside
    amount = payment.captured - waiting.promised  # type: ignore[attr-defined]  # `set_aside` annotates it
    return _open(payment, amount=amount, reason=RefundReason.SET_ASIDE, by=by, at=at)


def make_good(*, refund: Refund, by: Actor, at: datetime) -> Refund:
    """
    Promise anew what failed, to the same card: the same amount, which was credited before or will be once. In the
    caller's transaction; sent after the commit.

    :raises NothingToMakeGood: it did not fail, is being made good, or the bank took the money of its charge
    :raises NotEnoughLeft: more of the charge went back since than was owed
    """
    order = orders.lock(refund.order_id)
    refund = Refund.objects.select_related("payment__tenant").get(pk=refund.pk)
    if refund.payment is None or not Refund.objects.to_be_made_good().filter(pk=refund.pk).exists():
        raise NothingToMakeGood
    if refund.amount > refund.payment.captured - refund.payment.refunded - refund.payment.disputed:
        raise NotEnoughLeft
    refund.payment.order = order
    return _promise(
        refund.payment,
        amount=refund.amount,
        tax=refund.tax,
        reason=RefundReason(refund.reason),
        replaces=refund,
        by=by,
        at=at,
    )


def record_external(
    payment: Payment, *, answer: RefundAnswer, amount: Decimal, tax: Decimal, replaces: Refund | None, at: datetime
) -> Refund:
    """
    Write down what somebody gave back at the provider. In the caller's transaction, which holds the order's lock and
    is at its end: a credit note takes a number.
    """
    refund = _promise(
        payment, amount=amount, tax=tax, reason=RefundReason.EXTERNAL, replaces=replaces, by=SYSTEM, at=at
    )
    _succeeded(refund, answer, at)
    return refund


def send_waiting(payment: Payment, *, at: datetime) -> None:
    """Ask the provider for the refunds of a payment. Outside any transaction; what fails waits for the sweep."""
    for refund in Refund.objects.on_their_way(payment):
        send(refund, at=at)


def ask_about_waiting(payment: Payment, *, at: datetime) -> None:
    """
    Learn which of a payment's refunds reached the provider; none is sent. Outside any transaction.

    :raises GatewayUnavailable: the provider does not answer
    """
    gateway = gateways.current()
    for refund in Refund.objects.on_their_way(payment):
        answer = gateway.find_refund(refund.pk)
        if answer is not None:
            settle_refund(refund=refund, answer=answer, at=at)


def retry_unsettled(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """Ask again for what a process that died, or a provider that was away, left open. Returns how many there were."""
    asked = 0
    for refund in asking.claimed(asking.refunds, at=at, limit=limit, among=among):
        send(refund, at=at)
        asked += 1
    return asked


def send(refund: Refund, *, at: datetime) -> None:
    """
    Of a contested charge nothing is given back: a refund that was promised before waits for the bank's decision, and
    the provider is only asked whether it has it. One of a provider that is not in use any more is left alone.
    """
    gateway = gateways.current()
    if refund.payment is None or refund.payment.gateway != gateway.name:
        return
    Refund.objects.filter(pk=refund.pk).update(asked_at=at)
    try:
        if refund.payment.is_contested:
            answer = gateway.find_refund(refund.pk)
        else:
            answer = gateway.refund(key=refund.pk, charge_key=refund.payment.pk, amount=refund.amount)
    except GatewayUnavailable:
        return
    if answer is not None:
        settle_refund(refund=refund, answer=answer, at=at)


def call_off(payment: Payment, *, at: datetime) -> None:
    """
    End the refunds that the provider never had: the bank has given their money to the cardholder. In the caller's
    transaction, which holds the order's lock.
    """
    for refund in Refund.objects.on_their_way(payment):
        Payment.objects.filter(pk=payment.pk).update(refunded=F("refunded") - refund.amount)
        refund.state, refund.settled_at = RefundState.FAILED, at
        refund.save(update_fields=["state", "settled_at"])
        _record("refund.failed", refund, payment.currency, SYSTEM, at)


def settle_refund(*, refund: Refund, answer: RefundAnswer, at: datetime) -> Refund:
    """
    Write down what became of a refund. Once, however often it is called; one that fails after it succeeded is turned
    to failed, and what it gave back counts as still to be given back.
    """
    with transaction.atomic():
        order = orders.lock(refund.order_id)
        refund = Refund.objects.select_related("payment", "tenant", "line", "replaces__line").get(pk=refund.pk)
        refund.order = order
        if answer.outcome == RefundOutcome.SUCCEEDED and refund.state == RefundState.STARTED:
            _succeeded(refund, answer, at)
        elif answer.outcome == RefundOutcome.FAILED and refund.state != RefundState.FAILED:
            log.error("refund %s failed at the provider", refund.pk)
            Payment.objects.filter(refunds=refund.pk).update(refunded=F("refunded") - refund.amount)
            if refund.state == RefundState.SUCCEEDED:
                ledger.refund_returned(refund=refund, at=at)
            _turn(refund, RefundState.FAILED, answer, at)
    return refund


def _open(
    payment: Payment,
    *,
    amount: Decimal,
    reason: RefundReason,
    by: Actor,
    at: datetime,
    tax: Decimal = money.ZERO,
    line: OrderLine | None = None,
    quantity: int | None = None,
) -> Refund:
    """:raises ChargeContested: nothing of this charge is given back"""
    if payment.is_contested:
        raise ChargeContested
    return _promise(payment, amount=amount, reason=reason, by=by, at=at, tax=tax, line=line, quantity=quantity)


def _promise(
    payment: Payment,
    *,
    amount: Decimal,
    reason: RefundReason,
    by: Actor,
    at: datetime,
    tax: Decimal = money.ZERO,
    line: OrderLine | None = None,
    quantity: int | None = None,
    replaces: Refund | None = None,
) -> Refund:
    """The CHECK on the payment keeps refunds within what was captured and is not disputed."""
    Payment.objects.filter(pk=payment.pk).update(refunded=F("refunded") + amount)
    refund = Refund.objects.create(
        tenant=payment.tenant,
        order=payment.order,
        payment=payment,
        line=line,
        quantity=quantity,
        amount=amount,
        tax=tax,
        reason=reason,
        replaces=replaces,
        created_at=at,
    )
    _record("refund.started", refund, ledger.currency_of(payment), by, at)
    if replaces is not None:
        return refund  # what it makes good is promised already
    if payment.state == PaymentState.SUCCEEDED:
        ledger.refund_promised(refund=refund, at=at)
        spending.given_back(refund, at=at)
    elif payment.state == PaymentState.SET_ASIDE:
        ledger.set_aside_released(refund=refund, at=at)
    return refund


def _succeeded(refund: Refund, answer: RefundAnswer, at: datetime) -> None:
    _turn(refund, RefundState.SUCCEEDED, answer, at)
    ledger.refund_sent(refund=refund, at=at)
    invoices.issue_credit_note(refund=refund, at=at)


def _turn(refund: Refund, state: RefundState, answer: RefundAnswer, at: datetime) -> None:
    refund.state, refund.gateway_ref, refund.settled_at = state, answer.reference, at
    refund.save(update_fields=["state", "gateway_ref", "settled_at"])
    _record(f"refund.{state.value}", refund, answer.currency, SYSTEM, at)


def _record(type: str, refund: Refund, currency: str, by: Actor, at: datetime) -> None:
    events.record(
        type,
        tenant=refund.tenant,
        by=by,
        at=at,
        subject=refund.order_id,
        refund=refund.pk,
        amount=money.text(refund.amount, currency),
        currency=currency,
        reason=refund.reason,
    )
