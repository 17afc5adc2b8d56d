"""What goes to an endpoint: every event once, signed, in the order of the journal."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from standardwebhooks.webhooks import WebhookVerificationError

from tenants import tasks
from tenants.delivery.webhooks import following, upkeep
from tenants.delivery.webhooks.models import WebhookDelivery, WebhookEndpoint
from tenants.journal.models import Event
from tests.callers import Api
from tests.factories import RoleGrantFactory
from tests.tenants.hooks import Deaf, deliver, happen, listen

pytestmark = pytest.mark.django_db


# --- What is sent
def test_what_the_journal_shows_is_sent_signed_in_its_order_and_once(admin, receiver):
    happen(admin.tenant, "order.paid")  # before there was an endpoint
    _endpoint, secret = listen(admin, receiver.url)
    happened = happen(admin.tenant, "order.paid", "seat.assigned")
    assert deliver() == {"delivered": 3}
    assert deliver() == {}
    shown = Api(admin).get("events/?after=1").json()["results"]
    assert [event["type"] for event in shown] == ["webhook_endpoint.added", "order.paid", "seat.assigned"]
    assert receiver.read(secret) == shown
    assert receiver.ids[1:] == happened
    assert {headers["content-type"] for headers, _body in receiver.heard} == {"application/json"}
    assert {headers["host"] for headers, _body in receiver.heard} == {receiver.url.split("/")[2]}


def test_another_secret_does_not_verify_it(admin, receiver):
    listen(admin, receiver.url)
    _other, secret = listen(RoleGrantFactory(role="global_admin").membership, "https://hooks.example/")
    deliver(post=None)
    with pytest.raises(WebhookVerificationError):
        receiver.read(secret)


def test_only_the_chosen_types_are_sent(admin, receiver):
    listen(admin, receiver.url, types=["seat.assigned"])
    wanted = happen(admin.tenant, "order.paid", "seat.assigned", "order.placed")[1]
    deliver()
    assert receiver.ids == [wanted]
    assert not WebhookEndpoint.objects.behind().exists()


def test_what_happens_elsewhere_is_not_told(admin, receiver):
    listen(admin, receiver.url)
    happen(RoleGrantFactory().membership.tenant, "order.paid")
    assert deliver() == {"delivered": 1}


def test_what_has_no_position_yet_waits_for_it(admin, receiver):
    listen(admin, receiver.url)
    deliver()
    Event.objects.create(tenant=admin.tenant, type="order.paid", at=timezone.now())
    assert deliver() == {}


def test_many_events_are_followed_in_batches(admin, receiver, monkeypatch):
    monkeypatch.setattr(following, "AT_ONCE", 3)
    listen(admin, receiver.url)
    happened = happen(admin.tenant, *["order.paid"] * 10)
    deliver()
    assert receiver.ids[1:] == happened


def test_a_paused_one_goes_on_where_it_stopped(admin, receiver):
    endpoint, _secret = listen(admin, receiver.url)
    deliver()
    one = f"webhook-endpoints/{endpoint.pk}/"
    Api(admin).patch(one, {"state": "paused", "types": ["order.paid"]})
    happened = happen(admin.tenant, "order.paid", "order.paid")
    assert deliver() == {}
    Api(admin).patch(one, {"state": "active"})
    deliver()
    assert receiver.ids[1:] == happened


def test_after_a_rotation_both_secrets_sign_for_a_day_and_then_the_new_one_alone(admin, receiver):
    endpoint, old = listen(admin, receiver.url, types=["webhook_endpoint.added", "order.paid"])
    new = Api(admin).post(f"webhook-endpoints/{endpoint.pk}/rotate-secret/").json()["secret"]
    deliver()
    assert receiver.read(old) == receiver.read(new) != []
    WebhookEndpoint.objects.update(previous_until=timezone.now())
    receiver.heard.clear()
    happen(admin.tenant, "order.paid")
    deliver()
    assert len(receiver.read(new)) == 1
    with pytest.raises(WebhookVerificationError):
        receiver.read(old)


# --- By the schedule and the operator
def test_the_schedule_and_the_command_send(admin, receiver, capsys, monkeypatch):
    monkeypatch.setattr("tenants.delivery.webhooks.sending.HANDS", 1)
    monkeypatch.setattr(tasks.sending.deliver, "__kwdefaults__", {**tasks.sending.deliver.__kwdefaults__, "hands": 1})
    listen(admin, receiver.url)
    assert tasks.deliver_webhooks() == 1
    happen(admin.tenant, "order.paid")
    call_command("deliver_webhooks", dry_run=True)
    assert "endpoints_behind  1" in capsys.readouterr().out
    assert len(receiver.heard) == 1
    call_command("deliver_webhooks", json=True)
    assert '"delivered": 1' in capsys.readouterr().out
    assert len(receiver.heard) == 2


def test_what_waits_is_counted_for_the_operator(admin, clock):
    listen(admin, "https://hooks.example/", at=clock())
    deliver(clock, Deaf())
    assert upkeep.backlog(clock()).due == 0
    clock.move(seconds=5)
    assert upkeep.backlog(clock()).due == 1
    WebhookEndpoint.objects.update(state="paused")
    assert upkeep.backlog(clock()).due == 0


def test_what_is_over_is_forgotten_after_a_month_and_never_sent_again(admin):
    listen(admin, "https://hooks.example/", types=["order.paid"])
    happen(admin.tenant, "order.paid", "order.paid")
    deliver(post=Deaf(status=200))
    happen(admin.tenant, "order.paid")
    deliver(post=Deaf())
    upkeep.forget(before=timezone.now() - timedelta(days=1))
    assert WebhookDelivery.objects.count() == 3
    upkeep.forget(before=timezone.now())
    assert WebhookDelivery.objects.get().state == "due"
    assert deliver(post=Deaf(status=200)) == {}


def test_following_costs_the_same_for_one_event_and_for_thirty(admin):
    endpoint, _secret = listen(admin, "https://hooks.example/")
    following.follow(endpoint.pk, at=timezone.now())

    def costs(count):
        happen(admin.tenant, *["order.paid"] * count)
        with CaptureQueriesContext(connection) as asked:
            assert following.follow(endpoint.pk, at=timezone.now()) == count
        return len(asked)

    assert costs(1) == costs(30)


def test_sending_costs_the_same_for_each_however_many_wait(admin, clock):
    listen(admin, "https://hooks.example/", at=clock())
    deliver(clock, Deaf(status=200))

    def costs(count):
        happen(admin.tenant, *["order.paid"] * count)
        with CaptureQueriesContext(connection) as asked:
            assert deliver(clock, Deaf(status=200)) == {"delivered": count}
        return len(asked)

    one, eleven, thirty_one = costs(1), costs(11), costs(31)
    assert (thirty_one - eleven) == 2 * (eleven - one)
