"""How many cards may be declined before nobody may try another: counted from the tries, under a lock."""

from datetime import datetime, timedelta

from django.db import connection
from django.utils.translation import gettext_lazy as _

from commerce.models import CardSetup, Checkout, Payment, PaymentState
from commerce.models.payment import PaymentQuerySet
from commerce.models.payment_method import CardSetupQuerySet
from tenants.directory.models import Membership
from tenants.refusal import Refused

PER_CHECKOUT = 5
PER_PERSON = (10, timedelta(days=1))
PER_TENANT = (20, timedelta(hours=1))
LOCK = 7_302
UNDER_WAY = 60  # seconds after which the provider is asked about a try without an answer


class TooManyDeclines(Refused):
    http_status = 429
    message = _("Too many cards were declined. Wait a while before you try again.")


class TooManyCardsAtOnce(Refused):
    """So many cards are under way, each of which may still be declined, that one more might pass the limit."""

    http_status = 429
    message = _("Many payments of your organisation are in progress. Try again in a minute; nothing was charged.")


def refuse_after_declines(*, payer: Membership, checkout: Checkout | None = None, at: datetime) -> None:
    """
    Count declines, and tries that may still be declined, of the checkout, the person and the tenant, wherever a card
    is tried: in the caller's transaction, which commits the new try.

    :raises TooManyDeclines: one of the three is at its limit
    :raises TooManyCardsAtOnce: not yet, but it might be when the tries under way are known
    """
    # One lock a tenant: cards tried at the same moment in many checkouts are counted one after another.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK, str(payer.tenant_id)])
    payments = Payment.objects.filter(tenant_id=payer.tenant_id)
    setups = CardSetup.objects.filter(tenant_id=payer.tenant_id)
    if checkout and payments.filter(order__checkout=checkout, state=PaymentState.FAILED).count() >= PER_CHECKOUT:
        raise TooManyDeclines(_("Too many cards were declined for this checkout. Start a new one."))
    _require_below(PER_PERSON, payments.filter(payer=payer), setups.filter(member=payer), at=at)
    _require_below(PER_TENANT, payments, setups, at=at)


def _require_below(
    limit: tuple[int, timedelta], payments: PaymentQuerySet, setups: CardSetupQuerySet, *, at: datetime
) -> None:
    most, window = limit
    tries = (kind.tried_since(at - window).values_list("state", flat=True) for kind in (payments, setups))
    states = [state for states in tries for state in states]
    if states.count(PaymentState.FAILED) >= most:
        raise TooManyDeclines(retry_after=int(window.total_seconds()))
    if len(states) >= most:
        raise TooManyCardsAtOnce(retry_after=UNDER_WAY)
