"""What must always hold of invoices and credit notes."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, DecimalField, Exists, F, Max, OuterRef, Q, Sum, Value
from django.db.models.functions import Coalesce

from commerce import money
from commerce.models import (
    Invoice,
    InvoiceCounter,
    InvoiceKind,
    Movement,
    MovementKind,
    Order,
    PaymentState,
    Refund,
    RefundState,
)
from commerce.models.order import GRANTED

_NOTHING = Value(money.ZERO, output_field=DecimalField())


def invoices_are_numbered_without_gaps() -> Iterator[str]:
    """Each seller's year counts from 1 to the last number that was taken."""
    issued: dict[tuple[Any, int], tuple[int, int]] = {
        (row["seller"], row["year"]): (row["count"], row["last"])
        for row in Invoice.objects.values("seller", "year").annotate(count=Count("pk"), last=Max("sequence"))
    }
    counters = {(counter.seller_id, counter.year): counter.last for counter in InvoiceCounter.objects.all()}
    for seller, year in sorted(issued.keys() | counters.keys(), key=str):
        count, last = issued.get((seller, year), (0, 0))
        taken = counters.get((seller, year), 0)
        if not count == last == taken:
            yield f"seller {seller}: {count} invoices in {year}, the last is {last}, {taken} numbers taken"


def every_granted_order_has_its_invoice() -> Iterator[str]:
    """Of its own amounts; and no other order has one."""
    own = Q(
        invoices__kind=InvoiceKind.INVOICE,
        invoices__total=F("total"),
        invoices__tax=F("tax"),
        invoices__currency=F("currency"),
    )
    counted = Order.objects.annotate(all_invoices=Count("invoices", filter=Q(invoices__kind=InvoiceKind.INVOICE)))
    right = counted.annotate(own_invoices=Count("invoices", filter=own))
    for order in right.granted().filter(total__gt=0).exclude(all_invoices=1, own_invoices=1):
        yield f"order {order.pk}: {order.state}, {order.all_invoices} invoices, {order.own_invoices} of its amounts"
    for order in right.exclude(state__in=GRANTED).filter(all_invoices__gt=0):
        yield f"order {order.pk}: {order.state} with {order.all_invoices} invoices"


def every_refund_has_its_credit_note() -> Iterator[str]:
    """
    What went back of a paid order, or is no longer due, is credited with the same amount, once, also when the first
    try to give it back failed; nothing else is credited.
    """
    of_order = Q(credit_notes__total=F("amount"), credit_notes__currency=F("order__currency"))
    of_replaced = Q(
        replacements__credit_notes__total=F("amount"), replacements__credit_notes__currency=F("order__currency")
    )
    replaced = Refund.objects.filter(replaces=OuterRef("pk"), state=RefundState.SUCCEEDED)
    promises = Refund.objects.promises().annotate(
        notes=_each("credit_notes") + _each("replacements__credit_notes"),
        own_notes=_each("credit_notes", of_order) + _each("replacements__credit_notes", of_replaced),
        is_back=Q(state=RefundState.SUCCEEDED) | Exists(replaced),
    )
    of_an_order = Q(payment__state=PaymentState.SUCCEEDED) | Q(payment=None)
    for refund in promises.filter(of_an_order, is_back=True).exclude(notes=1, own_notes=1):
        yield f"refund {refund.pk}: {refund.notes} credit notes, {refund.own_notes} of its amount"
    for refund in promises.exclude(of_an_order, is_back=True).filter(notes__gt=0).exclude(_came_back()):
        yield f"refund {refund.pk}: {refund.notes} credit notes although nothing of an invoice went back"
    stray = Invoice.objects.filter(kind=InvoiceKind.CREDIT_NOTE).exclude(
        credits__kind=InvoiceKind.INVOICE, credits__order=F("order"), refund__order=F("order")
    )
    for note in stray:
        yield f"credit note {note.number}: its invoice or refund is of another order"


def _came_back() -> Exists:
    """Whether a refund, or one that made it good, was with the card before it failed: it was credited then."""
    sent = Movement.objects.filter(kind=MovementKind.REFUND_SENT, source=OuterRef("pk"))
    family = Q(pk=OuterRef("pk")) | Q(replaces=OuterRef("pk"))
    return Exists(Refund.objects.filter(family, Exists(sent), state=RefundState.FAILED))


def _each(path: str, only: Q | None = None) -> Count:
    return Count(path, filter=only, distinct=True)


def lines_add_up_to_invoices() -> Iterator[str]:
    summed = Invoice.objects.annotate(
        lines_amount=Coalesce(Sum("lines__amount"), _NOTHING), lines_tax=Coalesce(Sum("lines__tax"), _NOTHING)
    )
    for invoice in summed.exclude(subtotal=F("lines_amount"), tax=F("lines_tax")):
        yield f"invoice {invoice.number}: its lines do not add up to its total"
