"""A process that is killed while it sends webhooks: nothing is lost, and what comes twice has the same id."""

import pytest
from django.utils import timezone

from tenants.delivery.webhooks.models import WebhookDelivery
from tests.factories import RoleGrantFactory
from tests.faults.conftest import KILLED
from tests.tenants.hooks import Clock, deliver, happen, listen, receiving

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def admin():
    return RoleGrantFactory(role="global_admin").membership


def taken_up():
    """By whoever comes when the lease of the dead is over."""
    clock = Clock()
    clock.move(seconds=91)
    return deliver(clock)


def test_between_sending_and_noting_it_is_sent_again_with_the_same_id(victim, admin, receiver):
    _endpoint, secret = listen(admin, receiver.url, types=["order.paid"])
    [event] = happen(admin.tenant, "order.paid")
    assert victim({"do": "deliver webhooks", "die": "after the webhook"}) == [KILLED]
    assert receiver.ids == [event]
    assert WebhookDelivery.objects.get().state == "due"
    assert deliver(timezone.now) == {}
    assert taken_up() == {"delivered": 1}
    assert receiver.ids == [event, event]
    first, second = receiver.read(secret)
    assert first == second


@pytest.mark.parametrize("nth", [3, 6, 9, 12, 16])
def test_before_any_statement_nothing_is_lost_and_nothing_made_twice(victim, admin, receiver, nth):
    listen(admin, receiver.url, types=["order.paid"])
    happened = happen(admin.tenant, "order.paid", "order.paid")
    assert victim({"do": "deliver webhooks", "die": nth}) == [KILLED]
    taken_up()
    assert list(dict.fromkeys(receiver.ids)) == happened
    assert len(receiver.heard) <= len(happened) + 1
    assert list(WebhookDelivery.objects.values_list("state", flat=True)) == ["delivered"] * 2
