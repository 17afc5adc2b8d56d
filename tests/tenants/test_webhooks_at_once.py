"""Two workers on the same webhooks at the same moment: each event becomes due once, and is sent once."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError, current_thread

import pytest
from django.db import connection, connections
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from tenants.delivery.webhooks import endpoints, following, sending, turns
from tenants.delivery.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookEndpointQuerySet
from tests.factories import RoleGrantFactory, acting
from tests.race import at_once, race, without_constraint
from tests.tenants.hooks import Clock, deliver, happen, listen, receiving, way

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

ONCE = ("tenants_webhookdelivery", "webhook_delivery_once_for_an_event")


@pytest.fixture
def endpoint(admin):
    endpoint, _secret = listen(admin, "https://hooks.example/", types=["order.paid"])
    happen(admin.tenant, *["order.paid"] * 5)
    return endpoint


@pytest.fixture
def both_read_first(monkeypatch):
    """Neither goes on before the other has read what comes next, if it gets that far."""
    gate, beyond = Barrier(2), following.beyond

    def read(endpoint):
        found = beyond(endpoint)
        with suppress(BrokenBarrierError):
            gate.wait(2)
        return found

    monkeypatch.setattr(following, "beyond", read)


def without_lock(monkeypatch):
    monkeypatch.setattr(WebhookEndpointQuerySet, "locked", lambda rows, skip_locked=False: rows.order_by("pk"))


def followed(endpoint):
    at_once(lambda _worker: following.follow(endpoint.pk, at=endpoint.created_at), range(2))
    return WebhookDelivery.objects.count()


def test_two_that_follow_make_each_event_due_once(endpoint, both_read_first):
    assert followed(endpoint) == 5


def test_without_the_lock_the_unique_key_keeps_them_single(endpoint, both_read_first, monkeypatch):
    without_lock(monkeypatch)
    assert followed(endpoint) == 5


def test_without_lock_and_key_each_is_there_twice(endpoint, both_read_first, monkeypatch):
    without_lock(monkeypatch)
    with without_constraint(*ONCE):
        assert followed(endpoint) == 10


def test_many_workers_with_many_hands_send_each_event_once_and_in_order():
    with receiving() as receiver:
        admins = [RoleGrantFactory(role="global_admin").membership for _tenant in range(5)]
        secrets = [listen(each, receiver.url, types=["order.paid"])[1] for each in admins]
        happened = [happen(each.tenant, *["order.paid"] * 12) for each in admins]
        race(lambda _worker: sending.deliver(way=way(), hands=4), range(3))
        for ids in happened:
            assert [each for each in receiver.ids if each in ids] == ids
        assert len(receiver.ids) == 60
        for ids, secret in zip(happened, secrets, strict=True):
            own = [(headers, body) for headers, body in receiver.heard if headers["webhook-id"] in ids]
            assert [Webhook(secret).verify(body, headers)["id"] for headers, body in own] == ids
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"delivered"}


@pytest.fixture
def read_slowly(monkeypatch):
    """Whoever is in a thread of this name has read the endpoints a second before it locks one."""
    with_due = WebhookEndpointQuerySet.with_due

    def read(rows, at):
        slow = current_thread().name.startswith("slow")
        return with_due(rows, at).filter(RawSQL("pg_sleep(%s) IS NOT NULL", [1 if slow else 0], BooleanField()))

    monkeypatch.setattr(WebhookEndpointQuerySet, "with_due", read)


def turns_of_two():
    """One takes its turn while another one, who began before, has read and not yet locked."""
    at = timezone.now()
    with ThreadPoolExecutor(1, "slow") as slow, ThreadPoolExecutor(1, "quick") as quick:
        first = slow.submit(taken, at)
        while not (first.done() or sleeping()):
            time.sleep(0.01)
        second = quick.submit(taken, at)
        return [turn for turn in (first.result(), second.result()) if turn is not None]


def taken(at):
    try:
        return turns.take(at=at, began=at, sound_only=False)
    finally:
        connections.close_all()


def sleeping():
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")
        return cursor.rowcount


@pytest.fixture
def due(admin):
    listen(admin, "https://hooks.example/", types=["webhook_endpoint.added"])
    following.follow_all(now=timezone.now, goes_on=lambda: True)


def test_whoever_read_before_another_one_took_its_turn_takes_none(due, read_slowly):
    assert len(turns_of_two()) == 1


def test_asked_by_a_subquery_alone_both_take_it(due, read_slowly, monkeypatch):
    monkeypatch.setattr(WebhookEndpointQuerySet, "unleased", lambda rows, at: rows)
    assert len(turns_of_two()) == 2


def heard_by_two(admin):
    """A second worker begins while the first one waits for its answer."""
    with receiving() as receiver:
        listen(admin, receiver.url, types=["webhook_endpoint.added"])
        begun = []

        def second():
            if not begun:
                begun.append(True)
                at_once(lambda _n: deliver(), [1])

        receiver.meanwhile = second
        deliver()
        return len(receiver.heard)


def test_what_one_is_sending_another_one_leaves_alone(admin):
    assert heard_by_two(admin) == 1


def test_without_the_lease_both_send_it(admin, monkeypatch):
    monkeypatch.setattr(turns, "LEASE", turns.LEASE * 0)
    assert heard_by_two(admin) == 2


def test_a_worker_that_died_is_followed_by_another_when_its_lease_is_over(admin):
    clock = Clock()
    with receiving() as receiver:
        listen(admin, receiver.url, types=["webhook_endpoint.added"], at=clock())
        following.follow_all(now=clock, goes_on=lambda: True)
        assert turns.take(at=clock(), began=clock(), sound_only=False) is not None
        assert deliver(clock) == {}
        clock.move(seconds=91)
        assert deliver(clock) == {"delivered": 1}
        assert len(receiver.heard) == 1


def test_ten_at_once_add_no_more_than_there_may_be(admin):
    for n in range(endpoints.MOST - 2):
        listen(admin, f"https://hooks.example/{n}")

    def add(n):
        endpoints.add(
            tenant=admin.tenant,
            url=f"https://more.example/{n}",
            loopback=False,
            by=acting(admin),
            at=admin.created_at,
        )

    won = race(add, range(6), refused=endpoints.TooManyWebhookEndpoints)
    assert (won, WebhookEndpoint.objects.count()) == (2, endpoints.MOST)


def test_one_that_begins_while_others_write_hears_of_all_that_comes_after(admin):
    """From its own making on, without a hole, whatever commits around it."""
    race(lambda n: happen(admin.tenant, "order.paid") if n else listen(admin, "https://hooks.example/"), range(6))
    happen(admin.tenant, "order.paid")
    following.follow_all(now=Clock(), goes_on=lambda: True)
    journal = admin.tenant.events.positioned().oldest_first().values_list("pk", "position", "type")
    begins = next(position for _pk, position, type in journal if type == "webhook_endpoint.added")
    due = set(WebhookDelivery.objects.values_list("event_id", flat=True))
    assert {pk for pk, position, _type in journal if position >= begins} <= due
