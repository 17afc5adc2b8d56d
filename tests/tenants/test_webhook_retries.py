"""What an endpoint does not take: tried again, given up, sent once more; and one that takes nothing is disabled."""

from datetime import timedelta

import pytest
from django.core import mail

from tenants import tasks
from tenants.delivery.models import Job
from tenants.delivery.webhooks import outcomes
from tenants.delivery.webhooks.models import WebhookDelivery, WebhookEndpoint
from tenants.journal.models import Event
from tests.callers import Api
from tests.factories import MembershipFactory, RoleGrantFactory
from tests.tenants.hooks import Deaf, deliver, happen, latest, listen

pytestmark = pytest.mark.django_db


# --- What is not taken
@pytest.mark.parametrize("status", [300, 301, 400, 404, 500])
def test_only_a_yes_counts_as_taken_and_the_answer_is_kept(admin, receiver, status):
    listen(admin, receiver.url)
    receiver.answers, receiver.text = status, "x" * 600
    assert deliver() == {"due": 1}
    kept = latest()
    assert (kept.state, kept.response_status, kept.response_text, kept.error) == ("due", status, "x" * 500, "")


def test_who_is_not_there_is_told_by_a_code(admin):
    listen(admin, "http://127.0.0.1:9/")
    deliver()
    assert (latest().response_status, latest().error) == (None, "connection_failed")


def test_an_inner_address_is_not_called_though_it_could_be_saved(admin, receiver):
    endpoint, _secret = listen(admin, "https://hooks.example/")
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        url=receiver.url.replace("http:", "https:").replace("127.0.0.1", "127.1")
    )
    deliver()
    assert latest().error == "address_not_allowed"
    assert receiver.heard == []


def test_it_is_tried_again_ever_more_seldom_and_then_given_up(admin, clock, monkeypatch):
    monkeypatch.setattr(outcomes, "DISABLED_AFTER", timedelta(days=50))
    listen(admin, "https://hooks.example/", types=["webhook_endpoint.added"], at=clock())
    deaf, waited = Deaf(), []
    while True:
        deliver(clock, deaf)
        kept = latest()
        if kept.next_try_at is None:
            break
        waited.append(kept.next_try_at - clock())
        clock.at = kept.next_try_at - timedelta(seconds=1)
        assert deliver(clock, deaf) == {}
        clock.move(seconds=1)
    hours = [timedelta(hours=each) for each in (2, 5, 10, 14, 20, 24)]
    assert waited == [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), *hours]
    assert (kept.state, kept.attempts, deaf.asked) == ("failed", 10, 10)
    clock.move(days=30)
    assert deliver(clock, deaf) == {}


def test_a_second_try_has_the_same_id(admin, receiver, clock):
    _endpoint, secret = listen(admin, receiver.url)
    receiver.answers = 503
    deliver(clock)
    receiver.answers = 204
    clock.move(seconds=5)
    assert deliver(clock) == {"delivered": 1}
    [first, second] = receiver.read(secret)
    assert first == second
    assert len(set(receiver.ids)) == 1


def test_what_breaks_here_counts_as_a_try_and_is_raised(admin, clock):
    listen(admin, "https://hooks.example/")

    def broken(url, **message):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        deliver(clock, broken)
    assert (latest().error, latest().attempts, latest().state) == ("fault", 1, "due")


def test_what_cannot_be_signed_is_not_sent(admin, receiver, settings):
    listen(admin, receiver.url)
    settings.SECRET_KEY = "another one, and the one before forgotten"
    deliver()
    assert (latest().error, receiver.heard) == ("not_signed", [])


# --- One that is disabled
def paid(tenant):
    return Event.objects.of(tenant).filter(type="order.paid").order_by("pk").values_list("pk", flat=True)


def told(endpoint):
    [job] = Job.objects.filter(name="tenants.tell_disabled_webhook", done_at=None)
    assert job.arguments == {"endpoint": str(endpoint.pk)}
    tasks.tell_disabled_webhook(job_id=str(job.pk))
    return [letter.to for letter in mail.outbox]


def test_one_that_is_gone_is_disabled_at_once_and_its_global_admins_are_told(admin):
    RoleGrantFactory(membership__tenant=admin.tenant, role="billing_admin")
    MembershipFactory(tenant=admin.tenant, roles=["global_admin"], state="left")
    endpoint, _secret = listen(admin, "https://hooks.example/")
    happen(admin.tenant, "order.paid")
    deaf = Deaf(status=410)
    assert deliver(post=deaf) == {"failed": 1}
    assert deliver(post=deaf) == {}
    assert deaf.asked == 1
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.disabled_because) == ("disabled", "gone")
    assert told(endpoint) == [[admin.user.email]]
    [letter] = mail.outbox
    assert "https://hooks.example/" in letter.body
    assert str(endpoint.pk) in letter.body
    event = Event.objects.get(type="webhook_endpoint.disabled")
    assert (event.actor, event.data) == (None, {"because": "gone"})


def test_one_that_takes_nothing_for_five_days_is_disabled_once_and_loses_nothing(admin, clock):
    endpoint, _secret = listen(admin, "https://hooks.example/", types=["order.paid"], at=clock())
    deaf, begun = Deaf(), clock()
    happen(admin.tenant, "order.paid")
    while WebhookEndpoint.objects.get().state == "active":
        assert clock() - begun <= timedelta(days=5)
        deliver(clock, deaf)
        if (clock() - begun) % timedelta(days=1) == timedelta():
            happen(admin.tenant, "order.paid")
        clock.move(hours=6)
    assert clock() - begun > timedelta(days=5)
    assert WebhookEndpoint.objects.get().disabled_because == "failing"
    assert told(endpoint) == [[admin.user.email]]
    clock.move(days=1)
    happened = happen(admin.tenant, "order.paid")
    assert deliver(clock, deaf) == {}
    Api(admin).patch(f"webhook-endpoints/{endpoint.pk}/", {"state": "active"})
    deliver(clock, Deaf(status=200))
    sent = WebhookDelivery.objects.filter(state="delivered").values_list("event", flat=True)
    assert set(sent) == set(paid(admin.tenant))
    assert str(latest().event_id) == happened[0]
    assert Job.objects.filter(name="tenants.tell_disabled_webhook").count() == 1


def test_a_yes_in_between_begins_the_five_days_anew(admin, clock):
    listen(admin, "https://hooks.example/", types=["order.paid"], at=clock())
    for _day in range(8):
        happen(admin.tenant, "order.paid")
        deliver(clock, Deaf())
        clock.move(days=1)
        deliver(clock, Deaf(status=200))
    assert WebhookEndpoint.objects.get().state == "active"


def test_what_failed_long_ago_does_not_count(admin, clock):
    listen(admin, "https://hooks.example/", types=["order.paid"], at=clock())
    happen(admin.tenant, "order.paid")
    deliver(clock, Deaf())
    WebhookDelivery.objects.update(state="failed", next_try_at=None)
    clock.move(days=30)
    happen(admin.tenant, "order.paid")
    deliver(clock, Deaf())
    assert WebhookEndpoint.objects.get().state == "active"


def test_nobody_is_told_of_one_that_is_active_again(admin):
    endpoint, _secret = listen(admin, "https://hooks.example/")
    deliver(post=Deaf(status=410))
    Api(admin).patch(f"webhook-endpoints/{endpoint.pk}/", {"state": "active"})
    assert told(endpoint) == []


# --- Once more
def test_is_sent_once_more_with_the_same_id_however_often_that_is_asked_for(admin, receiver):
    endpoint, _secret = listen(admin, receiver.url, types=["webhook_endpoint.added"])
    deliver()
    path = f"webhook-endpoints/{endpoint.pk}/deliveries/"
    [row] = Api(admin).get(path).json()["results"]
    assert (row["state"], row["event"], row["response_status"]) == ("delivered", receiver.ids[0], 200)
    again = f"{path}{row['id']}/redeliver/"
    answers = [Api(admin).post(again) for _time in range(3)]
    assert {(answer.status_code, answer.json()["state"]) for answer in answers} == {(200, "due")}
    assert Event.objects.filter(type="webhook_delivery.repeated").count() == 1
    assert deliver() == {"delivered": 1}
    assert receiver.ids == [receiver.ids[0]] * 2


def test_what_was_given_up_has_all_its_tries_again(admin, clock):
    endpoint, _secret = listen(admin, "https://hooks.example/", types=["webhook_endpoint.added"], at=clock())
    deliver(clock, Deaf())
    WebhookDelivery.objects.update(state="failed", next_try_at=None, attempts=10)
    answer = Api(admin).post(f"webhook-endpoints/{endpoint.pk}/deliveries/{latest().pk}/redeliver/")
    assert (answer.json()["state"], answer.json()["attempts"]) == ("due", 0)
    clock.move(minutes=1)
    assert deliver(clock, Deaf()) == {"due": 1}


def test_nothing_is_sent_once_more_to_one_that_is_not_active(admin):
    endpoint, _secret = listen(admin, "https://hooks.example/")
    deliver(post=Deaf(status=410))
    answer = Api(admin).post(f"webhook-endpoints/{endpoint.pk}/deliveries/{latest().pk}/redeliver/")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_endpoint_not_active")
    assert latest().state == "failed"
