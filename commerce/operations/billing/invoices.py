"""
Invoices and credit notes, written in the transaction of what they are about.

A number is taken last: its counter's row stays locked until the commit, so that numbers leave no gap, and nobody waits
longer than for the few writes behind it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_countries import countries

from commerce import money
from commerce.models import Invoice, InvoiceKind, InvoiceLine, Order, OrderLine, PaymentState, Refund, Seller
from commerce.operations.billing.sellers import seller_for
from tenants.access import SYSTEM, Actor
from tenants.delivery import jobs
from tenants.directory.models import Membership
from tenants.ids import new_id
from tenants.journal import events

PARTIES = (
    "seller_name",
    "seller_address",
    "seller_tax_id",
    "bill_to_name",
    "bill_to_address",
    "bill_to_tax_number",
)
TAKE = """
    INSERT INTO commerce_invoicecounter AS counter (id, seller_id, year, last) VALUES (%s, %s, %s, 1)
    ON CONFLICT (seller_id, year) DO UPDATE SET last = counter.last + 1
    RETURNING last
"""


def issue_invoice(*, order: Order, by: Actor, at: datetime) -> Invoice:
    """
    Bill an order that was granted, by the seller of its quote. The last act of the transaction that settles it.
    """
    payer = order.buyer
    invoice = Invoice(
        kind=InvoiceKind.INVOICE, currency=order.currency, subtotal=order.subtotal, tax=order.tax, total=order.total
    )
    lines = [
        InvoiceLine(
            description=str(line.plan),
            quantity=line.quantity,
            unit_price=line.unit_price,
            amount=line.amount,
            tax=line.tax,
            tax_inclusive=line.tax_inclusive,
            part_seconds=line.part_seconds,
            term_seconds=line.term_seconds,
            starts_at=line.starts_at or at,
            ends_at=line.ends_at or at,
        )
        for line in order.bought
    ]
    # Quoted before the seller was kept with it: whoever bills the market today.
    seller = order.seller or seller_for(payer.tenant.country)
    return _issue(invoice, lines, order=order, payer=payer, seller=seller, by=by, at=at)


def issue_credit_note(*, refund: Refund, at: datetime) -> Invoice | None:
    """
    Credit what went back of an invoice. The last act of the transaction in which a refund succeeds.

    None: what went back was never invoiced, such as a charge that nothing was left to pay for; or it was credited when
    an earlier refund seemed to have given it back.
    """
    promise = refund.replaces or refund
    credited = Invoice.objects.filter(order=refund.order, kind=InvoiceKind.INVOICE).first()
    if credited is None or not _is_invoiced(refund) or _is_credited(promise):
        return None
    note = Invoice(
        kind=InvoiceKind.CREDIT_NOTE,
        credits=credited,
        refund=refund,
        currency=credited.currency,
        subtotal=refund.amount - refund.tax,
        tax=refund.tax,
        total=refund.amount,
    )
    jobs.enqueue("commerce.deliver_credit_note", invoice_id=str(note.pk))
    payer = Membership.objects.select_related("user", "tenant").get(pk=credited.payer_id)
    credit = _unused(promise.line, promise) if promise.line else _external(refund)
    return _issue(note, [credit], order=refund.order, payer=payer, seller=credited.seller, by=SYSTEM, at=at)


def _is_invoiced(refund: Refund) -> bool:
    """What was captured without need, or with another amount than agreed, is on no invoice."""
    return refund.payment is None or refund.payment.state == PaymentState.SUCCEEDED


def _is_credited(promise: Refund) -> bool:
    return Invoice.objects.filter(Q(refund=promise) | Q(refund__replaces=promise)).exists()


def _unused(line: OrderLine, refund: Refund) -> InvoiceLine:
    ends_at = line.ends_at or refund.created_at
    seats = refund.quantity or line.quantity
    text = ngettext("Unused part of %(what)s, %(quantity)s seat", "Unused part of %(what)s, %(quantity)s seats", seats)
    return InvoiceLine(
        description=text % {"what": line.plan, "quantity": seats},
        **_credit(refund),
        starts_at=min(refund.created_at, ends_at),
        ends_at=ends_at,
    )


def _external(refund: Refund) -> InvoiceLine:
    return InvoiceLine(
        description=_("Given back at the payment provider"),
        **_credit(refund),
        starts_at=refund.created_at,
        ends_at=refund.created_at,
    )


def _credit(refund: Refund) -> dict[str, Any]:
    net = refund.amount - refund.tax
    return {"quantity": 1, "unit_price": net, "amount": net, "tax": refund.tax}


def _issue(
    invoice: Invoice,
    lines: Sequence[InvoiceLine],
    *,
    order: Order,
    payer: Membership,
    seller: Seller,
    by: Actor,
    at: datetime,
) -> Invoice:
    invoice.tenant, invoice.order, invoice.payer, invoice.seller = payer.tenant, order, payer, seller
    _name_parties(invoice)
    invoice.tax_name, invoice.tax_rate = order.tax_name, order.tax_rate
    invoice.tax_inclusive, invoice.reverse_charge = order.tax_inclusive, order.reverse_charge
    invoice.time_zone = payer.tenant.time_zone
    invoice.issued_at, invoice.year = at, at.astimezone(UTC).year
    for line in lines:
        line.tenant, line.invoice = payer.tenant, invoice
    events.record(
        f"{invoice.kind}.issued",
        tenant=payer.tenant,
        by=by,
        at=at,
        subject=order.pk,
        invoice=invoice.pk,
        amount=money.text(invoice.total, invoice.currency),
        currency=invoice.currency,
    )
    invoice.sequence = _next_number(seller, invoice.year)
    invoice.number = f"{seller.prefix}-{invoice.year}-{invoice.sequence:06}"
    invoice.save(force_insert=True)
    InvoiceLine.objects.bulk_create(lines)
    return invoice


def _name_parties(invoice: Invoice) -> None:
    """As they are called now; a credit note keeps those of its invoice."""
    if invoice.credits:
        for name in PARTIES:
            setattr(invoice, name, getattr(invoice.credits, name))
        return
    seller, tenant = invoice.seller, invoice.tenant
    invoice.seller_name, invoice.seller_address = seller.name, seller.address
    invoice.seller_tax_id = seller.tax_id
    invoice.bill_to_name = _bill_to_name(invoice)
    lines = (tenant.billing_address, countries.name(tenant.country) or tenant.country)
    invoice.bill_to_address = "\n".join(filter(None, lines))
    invoice.bill_to_tax_number = tenant.tax_number


def _bill_to_name(invoice: Invoice) -> str:
    """A person's is in care of the organisation; what the organisation pays, by now, is its own."""
    name, subscription = invoice.tenant.billed_as, invoice.order.subscription
    if subscription is not None and subscription.payer_id is not None:
        name = _("%(person)s c/o %(organisation)s") % {"person": invoice.payer, "organisation": name}
    # A name is one line, whatever was typed.
    return " ".join(name.split())


def _next_number(seller: Seller, year: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [new_id(), seller.pk, year])
        [last] = cursor.fetchone()
    return int(last)
