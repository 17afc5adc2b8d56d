"""
What rows of earlier days lack: orders were paid before there were invoices, and money moved before there was a ledger.
Safe to repeat, to interrupt, and to run twice at once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from commerce import money
from commerce.models import (
    Dispute,
    Invoice,
    InvoiceKind,
    Movement,
    MovementKind,
    Order,
    Payment,
    PaymentState,
    Refund,
    RefundState,
)
from commerce.operations.accounts import facts, ledger
from commerce.operations.billing import invoices
from commerce.operations.paying import orders
from tenants.access import SYSTEM
from tenants.journal.models import Event

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class CaughtUp:
    """How many orders were billed, refunds credited and facts posted."""

    billed: int = 0
    credited: int = 0
    posted: int = 0

    @property
    def total(self) -> int:
        return self.billed + self.credited + self.posted


def unbilled() -> QuerySet[Order]:
    """Orders that brought what they are for, and have no invoice."""
    billed = Invoice.objects.filter(order=OuterRef("pk"), kind=InvoiceKind.INVOICE)
    return Order.objects.granted().filter(~Exists(billed), total__gt=0).order_by("granted_at", "pk")


def uncredited() -> QuerySet[Refund]:
    """Refunds of what was billed that were with the card before there were credit notes."""
    noted = Invoice.objects.filter(Q(refund=OuterRef("pk")) | Q(refund__replaces=OuterRef("pk")))
    given = Refund.objects.promises().filter(state=RefundState.SUCCEEDED, payment__state=PaymentState.SUCCEEDED)
    return given.filter(~Exists(noted)).order_by("settled_at", "pk")


def lacking() -> CaughtUp:
    """What `catch_up` would do at most."""
    return CaughtUp(
        billed=unbilled().count(),
        credited=uncredited().count(),
        posted=sum(fact.unposted().count() for fact in facts.FACTS),
    )


def catch_up(*, at: datetime, tell: Callable[[int], None] = lambda done: None) -> CaughtUp:
    """
    Bill, credit and post what was not. Each in a transaction of its own, the oldest first. `tell` hears how many are
    done.
    """
    done = CaughtUp()
    for order_id in list(unbilled().values_list("pk", flat=True)):
        done.billed += _bill(order_id, at)
        tell(done.total)
    for refund_id, order_id in list(uncredited().values_list("pk", "order")):
        done.credited += _credit(refund_id, order_id, at)
        tell(done.total)
    for kind, row in facts.unposted():
        done.posted += _post(kind, row)
        tell(done.total)
    return done


@transaction.atomic
def _bill(order_id: UUID, at: datetime) -> bool:
    order = orders.lock(order_id)
    if not unbilled().filter(pk=order.pk).exists():
        return False
    # Said aloud, each of these: what is not of earlier days was forgotten by a defect.
    log.error("order %s was not billed: billed now", order.pk)
    invoices.issue_invoice(order=order, by=SYSTEM, at=at)
    return True


@transaction.atomic
def _credit(refund_id: UUID, order_id: UUID, at: datetime) -> bool:
    order = orders.lock(order_id)
    refund = uncredited().filter(pk=refund_id).select_related("payment", "tenant", "line").first()
    if refund is None:
        return False
    refund.order = order
    log.error("refund %s was not credited: credited now", refund.pk)
    return invoices.issue_credit_note(refund=refund, at=at) is not None


@transaction.atomic
def _post(kind: MovementKind, row: Any) -> bool:
    orders.lock(_order_of(row))
    if Movement.objects.filter(kind=kind, source=row.pk).exists():
        return False
    log.error("%s of %s was not posted: posted now", kind.value, row.pk)
    POST[kind](row)
    return True


def _order_of(row: Order | Payment | Refund | Dispute) -> UUID:
    if isinstance(row, Order):
        return row.pk
    return row.payment.order_id if isinstance(row, Dispute) else row.order_id


def _settled(row: Payment | Refund) -> datetime:
    began = row.started_at if isinstance(row, Payment) else row.created_at
    return row.settled_at or began


def _lost(dispute: Dispute) -> None:
    """What the bank took in the end, and what it took at first, as one."""
    opened = Movement.objects.filter(kind=MovementKind.DISPUTE_OPENED, source=dispute.pk)
    if not opened.exists():
        ledger.dispute_opened(dispute=dispute, at=dispute.opened_at)
    ledger.dispute_lost(dispute=dispute, promised=money.ZERO, at=dispute.closed_at or dispute.opened_at)


def _currency_set_aside(payment: Payment) -> str:
    """Only the journal remembers it."""
    subject = str(payment.order.checkout_id or payment.order_id)
    told = Event.objects.filter(tenant=payment.tenant_id, subject=subject, type="payment.set_aside")
    event = told.filter(data__payment=str(payment.pk)).first()
    return event.data["currency"] if event else payment.currency


POST: dict[MovementKind, Callable[[Any], None]] = {
    MovementKind.ORDER_BILLED: lambda row: ledger.order_billed(order=row, at=row.granted_at),
    MovementKind.CAPTURED: lambda row: ledger.captured(payment=row, at=_settled(row)),
    MovementKind.SURPLUS_CAPTURED: lambda row: ledger.surplus_captured(payment=row, at=_settled(row)),
    MovementKind.SET_ASIDE_CAPTURED: lambda row: ledger.set_aside_captured(
        payment=row, currency=_currency_set_aside(row), at=_settled(row)
    ),
    MovementKind.CREDITED: lambda row: ledger.credited(refund=row, at=row.created_at),
    MovementKind.REFUND_PROMISED: lambda row: ledger.refund_promised(refund=row, at=row.created_at),
    MovementKind.SET_ASIDE_RELEASED: lambda row: ledger.set_aside_released(refund=row, at=row.created_at),
    MovementKind.REFUND_SENT: lambda row: ledger.refund_sent(refund=row, at=_settled(row)),
    MovementKind.REFUND_RETURNED: lambda row: ledger.refund_returned(refund=row, at=_settled(row)),
    MovementKind.DISPUTE_OPENED: lambda row: ledger.dispute_opened(dispute=row, at=row.opened_at),
    MovementKind.DISPUTE_WON: lambda row: ledger.dispute_won(dispute=row, at=row.closed_at or row.opened_at),
    MovementKind.DISPUTE_LOST: _lost,
}
