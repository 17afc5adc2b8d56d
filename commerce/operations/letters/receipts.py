"""The receipt of a paid order, by e-mail to the buyer, with its invoice."""

from email.utils import parseaddr
from uuid import UUID

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from commerce import invoice_pdf
from commerce.models import Invoice, InvoiceKind, Order
from commerce.operations.letters import post
from licensing.models import Subscription


def deliver_receipt(*, order_id: UUID, site: str, sender: str) -> None:
    """
    Send the receipt with the invoice as PDF; its link leads to `site`.

    The Message-ID names the order, so that a second copy is known as one.
    """
    order = Order.objects.paid().with_lines().select_related("tenant").get(pk=order_id)
    subscription = Subscription.objects.select_related("plan__product").get(orders=order)
    invoice = Invoice.objects.of(order.tenant).with_lines().filter(order=order, kind=InvoiceKind.INVOICE).first()
    with timezone.override(subscription.zone):
        body = render_to_string(
            "commerce/mail/receipt.txt",
            {
                "order": order,
                "invoice": invoice,
                "subscription": subscription,
                "url": site + post.page_of(subscription),
            },
        )
    letter = EmailMessage(
        subject=_("Receipt: %(plan)s") % {"plan": subscription.plan},
        body=body,
        to=[order.buyer.user.email],
        from_email=sender,
        headers={"Message-ID": f"<receipt-{order.pk}@{parseaddr(sender)[1].rpartition('@')[2]}>"},
    )
    if invoice:
        letter.attach(invoice_pdf.file_name(invoice), invoice_pdf.render(invoice), "application/pdf")
    letter.send()
