"""What is contested in these tests: two seats, paid by card at noon; heard of an hour later, judged after ten days."""

from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.models import Movement, OrderLine
from commerce.operations.paying import disputes, refunds
from licensing.models import Subscription
from licensing.operations import subscriptions
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tests.commerce.provider import BANK, bought, contested
from tests.factories import NOON

PRICE = Decimal("19.98")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SOON = NOON + HOUR
LATER = NOON + 10 * DAY
UNDECIDED = ["dispute.opened", "subscription.disabled", "subscription.held"]


@pytest.fixture
def payment(ana, plan):
    """Two seats, paid by card at NOON."""
    return bought(ana, plan)


@pytest.fixture
def subscription(payment):
    return Subscription.objects.get()


def contest(payment, at=SOON):
    """The cardholder complains at the bank, and we hear of it."""
    return disputes.settle_dispute(report=BANK.contest(payment.pk), at=at)


def judge(payment, won, at=LATER):
    return disputes.settle_dispute(report=BANK.judge_dispute(payment.pk, won=won), at=at)


def settle(payment, outcome, at=SOON, **what):
    return contested(payment, outcome, at=at, **what)


def journal():
    """What was written down about the dispute and what followed, in order."""
    told = Event.objects.filter(type__regex=r"^(dispute|subscription|refund)\.").exclude(type="subscription.started")
    return list(told.order_by("pk").values_list("type", flat=True))


def balances():
    return {
        row["account"]: row["balance"] for row in Movement.objects.all().balances() if row["account"] and row["balance"]
    }


def money_of(payment):
    payment.refresh_from_db()
    return payment.captured, payment.refunded, payment.disputed


def give_back(payment, amount=Decimal("5.00")):
    """A seat goes, and a refund waits to be sent for it, as an operation promises it under the order's lock."""
    line = OrderLine.objects.select_related("order__tenant").get(order=payment.order_id)
    back = refunds.give_back(line=line, quantity=1, amount=amount, tax=Decimal(0), reason="reduced", by=SYSTEM, at=NOON)
    subscriptions.remove_seats(subscription=Subscription.objects.get(), count=1, by=SYSTEM, at=NOON)
    return back
