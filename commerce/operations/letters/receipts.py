"""The receipt of a paid order, by e-mail to the buyer, or to who stands in for one who has left, with its invoice."""

from uuid import UUID

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from commerce import invoice_pdf
from commerce.models import Invoice, InvoiceKind, Order
from commerce.operations.letters import post
from licensing.models import Subscription
from tenants.delivery import letters
from tenants.directory.models import Membership


def deliver_receipt(*, order_id: UUID, site: str, sender: str) -> None:
    """
    Send the receipt with the invoice as PDF; its link leads to `site`.

    The Message-ID names the order, and who stands in, so that a second copy is known as one.
    """
    order = Order.objects.paid().with_lines().select_related("tenant").get(pk=order_id)
    subscription = Subscription.objects.select_related("plan__product").get(orders=order)
    invoice = Invoice.objects.of(order.tenant).with_lines().filter(order=order, kind=InvoiceKind.INVOICE).first()
    for person in post.told_of_money(order.buyer):
        _send(order, invoice, subscription, person, site=site, sender=sender)


def _send(
    order: Order, invoice: Invoice | None, subscription: Subscription, person: Membership, *, site: str, sender: str
) -> None:
    is_buyer = person.pk == order.buyer_id
    # The buyer's own page is for nobody else.
    page = post.page_of(subscription) if is_buyer else reverse("admin:commerce_purchase_change", args=[subscription.pk])
    told = {
        "to": person,
        "whose": order.buyer,
        "order": order,
        "invoice": invoice,
        "subscription": subscription,
        # Of a term that is paid ahead: it is not the present one yet.
        "ends_at": subscription.paid_until,
        "renews": subscription.auto_renew and subscription.gives_access,
        "url": site + page,
    }
    with timezone.override(subscription.zone):
        body = render_to_string("commerce/mail/receipt.txt", told)
    name = f"receipt-{order.pk}" if is_buyer else f"receipt-{order.pk}-{person.pk}"
    subject = _("Receipt: %(plan)s") % {"plan": subscription.plan}
    enclosed = [invoice_pdf.enclosed(invoice)] if invoice else []
    letters.send_text(subject, body, to=person.user, message_id=name, sender=sender, attachments=enclosed)
