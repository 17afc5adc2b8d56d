"""The receipt of a paid order, by e-mail to the buyer."""

from email.utils import parseaddr
from uuid import UUID

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from commerce.models import Order
from licensing.models import Subscription


def deliver_receipt(*, order_id: UUID, site: str, sender: str) -> None:
    """
    Send the receipt; its link leads to `site`.

    The Message-ID names the order, so that a second copy is known as one.
    """
    order = Order.objects.paid().with_lines().select_related("tenant").get(pk=order_id)
    subscription = Subscription.objects.select_related("plan__product").get(orders=order)
    with timezone.override(subscription.zone):
        body = render_to_string(
            "commerce/mail/receipt.txt",
            {
                "order": order,
                "subscription": subscription,
                "url": site + reverse("my-subscription", kwargs={"subscription_id": subscription.pk}),
            },
        )
    EmailMessage(
        subject=_("Receipt: %(plan)s") % {"plan": subscription.plan},
        body=body,
        to=[order.buyer.user.email],
        from_email=sender,
        headers={"Message-ID": f"<receipt-{order.pk}@{parseaddr(sender)[1].rpartition('@')[2]}>"},
    ).send()
