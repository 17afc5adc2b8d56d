"""
What rows of earlier days lack: orders were paid before there were invoices, and money moved before there was a ledger.
Safe to repeat, to interrupt, and to run twice at once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from commerce import money
from commerce.models import (
    Dispute,
    Invoice,
    InvoiceKind,
    LedgerChecked,
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

# What is new is read each time from a day before the last run ended: a transaction may take its time to commit.
OVERLAP = timedelta(days=1)
# What was forgotten longer ago than that is found by reading all of history again.
WHOLE_EVERY = timedelta(days=7)


@dataclass(kw_only=True)
class CaughtUp:
    """How many orders were billed, refunds credited and facts posted."""

    billed: int = 0
    credited: int = 0
    posted: int = 0

    @property
    def total(self) -> int:
        return self.billed + self.credited + self.posted


def begins_at(at: datetime) -> datetime | None:
    """From when on a run at a moment has to read. None: all of history, the first time and once a week."""
    checked = LedgerChecked.objects.first()
    if checked is None or not at - WHOLE_EVERY < checked.whole_at <= at:
        return None
    return min(checked.until, at) - OVERLAP


def unbilled(*, since: datetime | None = None) -> QuerySet[Order]:
    """Orders that brought what they are for, and have no invoice; since a moment, or all."""
    billed = Invoice.objects.filter(order=OuterRef("pk"), kind=InvoiceKind.INVOICE)
    granted = Order.objects.granted().filter(facts.granted(since)) if since else Order.objects.granted()
    return granted.filter(~Exists(billed), total__gt=0).order_by("granted_at", "pk")


def uncredited(*, since: datetime | None = None) -> QuerySet[Refund]:
    """Refunds of what was billed that were with the card before there were credit notes; since a moment, or all."""
    noted = Invoice.objects.filter(Q(refund=OuterRef("pk")) | Q(refund__replaces=OuterRef("pk")))
    given = Refund.objects.promises().filter(state=RefundState.SUCCEEDED, payment__state=PaymentState.SUCCEEDED)
    given = given.filter(facts.settled(since)) if since else given
    return given.filter(~Exists(noted)).order_by("settled_at", "pk")


def lacking(*, since: datetime | None = None) -> CaughtUp:
    """What `catch_up` would do at most."""
    return CaughtUp(
        billed=unbilled(since=since).count(),
        credited=uncredited(since=since).count(),
        posted=sum(fact.unposted(since=since).count() for fact in facts.FACTS),
    )


def catch_up(
    *, since: datetime | None = None, at: datetime, tell: Callable[[int], None] = lambda done: None
) -> CaughtUp:
    """
    Bill, credit and post what was not: of what happened since a moment, which the indexes find, or of all of history.
    Each in a transaction of its own, the oldest first. `tell` hears how many are done.
    """
    done = CaughtUp()
    for order_id in list(unbilled(since=since).values_list("pk", flat=True)):
        done.billed += _bill(order_id, at)
        tell(done.total)
    for refund_id, order_id in list(uncredited(since=since).values_list("pk", "order")):
        done.credited += _credit(refund_id, order_id, at)
        tell(done.total)
    for kind, row in facts.unposted(since=since):
        done.posted += _post(kind, row)
        tell(done.total)
    _remember(since, at)
    return done


def _remember(since: datetime | None, at: datetime) -> None:
    if since is None:
        LedgerChecked.objects.update_or_create(pk=1, defaults={"until": at, "whole_at": at})
    else:
        # One that begins later than the last one ended leaves unread what lies between.
        LedgerChecked.objects.filter(until__gte=since, until__lt=at).update(until=at)


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
