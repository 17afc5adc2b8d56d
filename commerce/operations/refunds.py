"""Money back. A Refund row is committed first; the provider is asked outside the transaction and repeats by its key."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F

from commerce import gateways, money
from commerce.gateways.protocol import GatewayUnavailable
from commerce.models import OrderLine, Payment, Refund, RefundState
from commerce.models.payment import RefundReason
from commerce.operations import invoices
from tenants.access import SYSTEM, Actor
from tenants.journal import events


def open_refund(
    *, payment: Payment, amount: Decimal, reason: RefundReason, by: Actor, at: datetime, line: OrderLine | None = None
) -> Refund:
    """Promise a refund in the caller's transaction. The CHECK on the payment keeps refunds within what was captured."""
    Payment.objects.filter(pk=payment.pk).update(refunded=F("refunded") + amount)
    refund = Refund.objects.create(
        tenant=payment.tenant, payment=payment, line=line, amount=amount, reason=reason, created_at=at
    )
    events.record(
        "refund.started",
        tenant=payment.tenant,
        by=by,
        at=at,
        subject=payment.order_id,
        refund=refund.pk,
        amount=money.text(amount, payment.currency),
        currency=payment.currency,
        reason=reason,
    )
    return refund


def give_back_surplus(*, payment: Payment, at: datetime) -> None:
    """Everything that a payment captured without need."""
    open_refund(payment=payment, amount=payment.captured, reason=RefundReason.SURPLUS, by=SYSTEM, at=at)


def send_waiting(payment: Payment, *, at: datetime) -> None:
    """Ask the provider for the refunds of a payment. Outside any transaction; what fails waits for the sweep."""
    for refund in Refund.objects.filter(payment=payment, state=RefundState.STARTED).select_related("payment"):
        send(refund, at=at)


def retry_unsettled(*, started_before: datetime, at: datetime, limit: int) -> None:
    """Ask again for what a process that died, or a provider that was away, left open."""
    for refund in Refund.objects.unanswered(started_before).select_related("payment")[:limit]:
        send(refund, at=at)


def send(refund: Refund, *, at: datetime) -> None:
    Refund.objects.filter(pk=refund.pk).update(asked_at=at)
    try:
        reference = gateways.current().refund(key=refund.pk, charge_key=refund.payment_id, amount=refund.amount)
    except GatewayUnavailable:
        return
    with transaction.atomic():
        done = Refund.objects.filter(pk=refund.pk, state=RefundState.STARTED).update(
            state=RefundState.SUCCEEDED, gateway_ref=reference, settled_at=at
        )
        if done:
            events.record(
                "refund.succeeded",
                tenant=refund.tenant,
                by=SYSTEM,
                at=at,
                subject=refund.payment.order_id,
                refund=refund.pk,
                amount=money.text(refund.amount, refund.payment.currency),
                currency=refund.payment.currency,
            )
            invoices.issue_credit_note(refund=refund, at=at)
