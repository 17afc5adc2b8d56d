"""How many cards may be declined before nobody may try another: counted from the payments, under a lock."""

from datetime import datetime, timedelta

from django.db import connection
from django.utils.translation import gettext_lazy as _

from commerce.models import Checkout, Payment, PaymentState
from tenants.refusal import Refused

PER_CHECKOUT = 5
PER_PERSON = (10, timedelta(days=1))
PER_TENANT = (20, timedelta(hours=1))
LOCK = 7_302


class TooManyDeclines(Refused):
    http_status = 429
    message = _("Too many cards were declined. Wait a while before you try again.")


def refuse_after_declines(*, checkout: Checkout, at: datetime) -> None:
    """
    Count declines, and tries that may still be declined, of the checkout, the person and the tenant.

    :raises TooManyDeclines: one of the three is at its limit
    """
    # One lock a tenant: cards tried at the same moment in many checkouts are counted one after another.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK, str(checkout.tenant_id)])
    tries = Payment.objects.filter(tenant_id=checkout.tenant_id)
    if tries.filter(order__checkout=checkout, state=PaymentState.FAILED).count() >= PER_CHECKOUT:
        raise TooManyDeclines(_("Too many cards were declined for this checkout. Start a new one tomorrow."))
    most, window = PER_PERSON
    if tries.filter(payer=checkout.buyer).declined_since(at - window).count() >= most:
        raise TooManyDeclines(retry_after=int(window.total_seconds()))
    most, window = PER_TENANT
    if tries.declined_since(at - window).count() >= most:
        raise TooManyDeclines(retry_after=int(window.total_seconds()))
