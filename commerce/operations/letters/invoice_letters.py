"""Credit notes, and invoices that are still to be paid, by e-mail to whom they were billed, or to who stands in."""

from uuid import UUID

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from commerce import invoice_pdf
from commerce.models import Invoice, InvoiceKind
from commerce.operations.letters import post
from tenants.delivery import letters


def deliver_invoice(*, order_id: UUID, site: str, sender: str) -> None:
    """Ask for what an order costs that is paid by invoice; the link leads to `site`."""
    invoice = Invoice.objects.with_lines().get(order=order_id, kind=InvoiceKind.INVOICE)
    _send(invoice, _("Invoice %(number)s"), "commerce/mail/invoice.txt", site=site, sender=sender)


def deliver_credit_note(*, invoice_id: UUID, site: str, sender: str) -> None:
    """Tell what went back, and of which invoice; the link leads to `site`."""
    note = Invoice.objects.with_lines().get(pk=invoice_id, kind=InvoiceKind.CREDIT_NOTE)
    _send(note, _("Credit note %(number)s"), "commerce/mail/credit_note.txt", site=site, sender=sender)


def _send(invoice: Invoice, subject: str, template: str, *, site: str, sender: str) -> None:
    """The Message-ID names the invoice, and who stands in, so that a second copy is known as one."""
    for person in post.told_of_money(invoice.payer):
        is_payer = person.pk == invoice.payer_id
        page = "my-invoice" if is_payer else "admin:commerce_invoice_change"
        told = {
            "to": person,
            "whose": invoice.payer,
            "invoice": invoice,
            "settled": invoice_pdf.settled(invoice),
            "url": site + reverse(page, args=[invoice.pk]),
        }
        name = f"invoice-{invoice.pk}" if is_payer else f"invoice-{invoice.pk}-{person.pk}"
        letters.send_text(
            subject % {"number": invoice.number},
            render_to_string(template, told),
            to=person.user,
            message_id=name,
            sender=sender,
            attachments=[invoice_pdf.enclosed(invoice)],
        )
