"""Renewals that their card does not pay, in tests: bought with such a card, due on 10 April, and tried on its days."""

from datetime import UTC, datetime

from django.core import mail

from commerce import tasks
from commerce.operations.paying import card_setups, sources
from licensing.models import Subscription
from tenants.delivery.models import Job
from tests.commerce.changes import DAY
from tests.commerce.renewing import renewal_of
from tests.factories import NOON, acting, open_checkout, pay

FAILS, OTHER = "pm_card_chargeCustomerFail", "pm_card_refundFail"
DUE = datetime(2026, 4, 10, tzinfo=UTC)
RETRIES = [datetime(2026, 4, 10, 9, tzinfo=UTC) + day * DAY for day in (1, 3, 7, 14, 21)]


def buy_with_bad_card(buyer, plan, quantity=1, at=NOON):
    """It pays for the first term, and for nothing else."""
    pay(open_checkout(buyer, plan, quantity, at), FAILS, at)
    return Subscription.objects.get(purchaser=buyer, quantity=quantity)


def keep(subscription, token):
    by = acting(subscription.payer)
    return card_setups.add(token=token, return_to=str, by=by, at=NOON).payment_method


def pay_with(subscription, token, at=NOON):
    card = keep(subscription, token)
    return sources.change(subscription=subscription, card=card, by=acting(subscription.payer), at=at)


def deliver():
    """The letters that wait, each once."""
    mail.outbox.clear()
    for job in Job.objects.filter(name="commerce.tell_failed_renewal", done_at=None):
        tasks.letters.tell_failed_renewal(job_id=str(job.pk))
    return [(letter.to[0], letter.subject) for letter in mail.outbox]


def now(subscription):
    renewal = renewal_of(subscription)
    return renewal.state, renewal.next_try_at
