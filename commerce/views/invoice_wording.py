"""What pages say of an invoice beyond what stands in it: whether it is paid, or what is still to be paid by when."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from commerce import invoice_pdf
from commerce.amounts import money
from commerce.models import Invoice, OrderState
from commerce.models.invoice import InvoiceState
from tenants.dates import day


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A word for the badge, whose colour `kind` picks, and a sentence. `due` is what is still to be paid."""

    kind: str
    word: str
    sentence: str
    due: Decimal | None = None


def standing_of(invoice: Invoice, at: datetime) -> Standing:
    if invoice.refund:
        word = _("Refunded") if invoice.refund.payment_id else _("Credited")
        return Standing(kind="", word=word, sentence=invoice_pdf.settled(invoice))
    order, zone = invoice.order, ZoneInfo(invoice.time_zone)
    if order.paid_at:
        said = _("Paid on %(day)s. Nothing is left to pay.") % {"day": day(order.paid_at, zone)}
        return Standing(kind="green", word=_("Paid"), sentence=said)
    if invoice.state == InvoiceState.CREDITED:
        return Standing(kind="", word=_("Credited"), sentence=invoice_pdf.settled(invoice))
    if order.state != OrderState.INVOICED or not order.due or not order.due_at:
        return Standing(kind="green", word=_("Nothing to pay"), sentence=_("Nothing is left to pay."))
    told = {"day": day(order.due_at, zone), "amount": money(order.due, invoice.currency)}
    if order.due_at < at:
        word, said = _("Overdue since %(day)s") % told, _("%(amount)s was to be paid by %(day)s.") % told
        return Standing(kind="red", word=word, sentence=said, due=order.due)
    word, said = _("Open, due %(day)s") % told, _("%(amount)s is to be paid by %(day)s.") % told
    return Standing(kind="amber", word=word, sentence=said, due=order.due)


def sheet_of(invoice: Invoice, at: datetime) -> dict[str, Any]:
    """An invoice that came with its lines, as its page shows it."""
    return {
        "invoice": invoice,
        "standing": standing_of(invoice, at),
        "day": invoice_pdf.issued_day(invoice),
        "due_day": invoice_pdf.due_day(invoice),
        "credits_day": invoice_pdf.issued_day(invoice.credits) if invoice.credits else "",
        "credit_notes": invoice.credit_notes.all(),
        "lines": [
            {"line": line, "period": invoice_pdf.period(invoice, line), "part": invoice_pdf.part_of_term(line)}
            for line in invoice.lines.all()
        ],
    }
