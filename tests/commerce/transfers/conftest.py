"""What is handed over in these tests: two seats of ana's, offered to cleo."""

import pytest

from licensing.models import Subscription
from tenants.journal.models import Event
from tests.commerce.changes import DAY
from tests.commerce.handing_over import offer
from tests.factories import NOON, buy

LAPSES = NOON + 14 * DAY


@pytest.fixture
def subscription(ana, plan):
    return buy(ana, plan, 2)


@pytest.fixture
def offered(subscription, cleo):
    return offer(subscription, cleo, message="I change teams.")


def whose(subscription):
    subscription = Subscription.objects.get(pk=subscription.pk)
    return subscription.owner, subscription.payer, subscription.purchaser


def types():
    return list(Event.objects.filter(type__startswith="transfer.").order_by("at", "pk").values_list("type", flat=True))
