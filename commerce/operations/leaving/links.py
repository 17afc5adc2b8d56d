"""A leaver's way to what they still pay for, without signing in: a signed link to one purchase."""

from datetime import timedelta
from uuid import UUID

from django.core import signing

from commerce.models import Invoice
from commerce.models.invoice import InvoiceQuerySet
from licensing.models import Subscription
from tenants.access import Actor
from tenants.directory.models import Membership

SALT = "commerce.leaver-link"
GOOD_FOR = timedelta(days=90)


def sign(subscription: Subscription, payer: Membership) -> str:
    return signing.dumps([str(subscription.pk), str(payer.pk)], salt=SALT)


def find(token: str) -> Subscription | None:
    """
    The purchase that a link leads to, as long as whom it was sent to pays for it and is away. None: it is not ours, is
    too old, or leads nowhere any more; which of them is told to nobody.
    """
    try:
        subscription, payer = signing.loads(token, salt=SALT, max_age=GOOD_FOR)
        found = Subscription.objects.with_people().filter(pk=UUID(str(subscription)), payer=UUID(str(payer))).first()
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if found is None or found.payer is None or found.payer.is_active:
        return None
    return found


def leaver(subscription: Subscription) -> Actor:
    """Who acts by a link: the person without any role, for this purchase alone."""
    people = Membership.objects.filter(paid_subscriptions=subscription)
    payer = people.select_related("user", "tenant").get()
    return Actor(user=payer.user, membership=payer)


def bills(subscription: Subscription) -> InvoiceQuerySet:
    """What they were billed for it, the newest first."""
    found = Invoice.objects.filter(tenant=subscription.tenant_id, payer=subscription.payer_id)
    return found.filter(order__subscription=subscription).with_lines().newest_first()
