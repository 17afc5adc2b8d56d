import random
import threading
import time
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, connections, transaction

from tenants.access import SYSTEM, actor_of
from tenants.api.events import LAST_POSITION
from tenants.journal import events
from tenants.journal.models import Event, EventPosition, UnsequencedEvent
from tests.callers import Api
from tests.factories import NOON, GuestFactory, MembershipFactory, OperatorFactory, TenantFactory
from tests.race import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant():
    return TenantFactory()


def record(tenant, type="thing.happened", by=SYSTEM, **data):
    return events.record(type, tenant=tenant, by=by, at=NOON, **data)


def positions(tenant):
    return list(EventPosition.objects.filter(tenant=tenant).order_by("position").values_list("position", flat=True))


# --- Writing


@pytest.mark.parametrize("statement", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["tenants_event", "tenants_eventposition"])
def test_the_database_refuses_to_change_what_happened(tenant, statement, table):
    record(tenant)
    events.sequence(tenant.pk)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))
    assert EventPosition.objects.count() == Event.objects.count() == 1


def test_a_position_is_given_after_the_commit(tenant, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        record(tenant)
        assert positions(tenant) == []
        assert list(Event.objects.of(tenant).positioned()) == []
    assert positions(tenant) == [1]
    assert not UnsequencedEvent.objects.exists()


def test_the_sweep_gives_what_a_dead_process_left_without(tenant):
    other = TenantFactory()
    for each in (tenant, other, tenant):
        record(each)
    assert events.sequence_waiting() == 3
    assert (positions(tenant), positions(other)) == ([1, 2], [1])
    assert events.sequence_waiting() == 0


def test_a_fact_that_is_rolled_back_leaves_no_gap(tenant):
    record(tenant)
    events.sequence(tenant.pk)
    with transaction.atomic():
        record(tenant)
        transaction.set_rollback(True)
    record(tenant)
    events.sequence(tenant.pk)
    assert positions(tenant) == [1, 2]


def test_a_fact_of_the_service_has_no_tenant_and_no_position():
    record(None)
    assert events.sequence_waiting() == 0
    assert Event.objects.get().tenant is None


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_follows_many_writers_misses_nothing_and_sees_nothing_twice():
    tenant = TenantFactory()
    reader = Api(MembershipFactory(tenant=tenant, roles=["global_reader"]))
    writers, each = 8, 12
    done = threading.Event()
    seen = []

    def follow():
        after = 0
        while True:
            finished = done.is_set()
            found = reader.get(f"events/?after={after}&page_size=5").json()["results"]
            seen.extend((row["position"], row["data"]["n"]) for row in found)
            if found:
                after = found[-1]["position"]
            elif finished:
                break
        connections.close_all()

    def write(writer):
        # Long and short transactions overlap: later ids commit before earlier ones.
        for n in range(each):
            with transaction.atomic():
                record(tenant, n=[writer, n])
                time.sleep(random.random() / 100)
                if n % 5 == 4:
                    transaction.set_rollback(True)

    follower = threading.Thread(target=follow)
    follower.start()
    raised = [outcome for outcome in at_once(write, range(writers)) if outcome is not None]
    done.set()
    follower.join(60)

    assert raised == []
    written = {(w, n) for w in range(writers) for n in range(each) if n % 5 != 4}
    assert [position for position, _ in seen] == list(range(1, len(written) + 1))
    assert {tuple(n) for _, n in seen} == written
    assert not UnsequencedEvent.objects.exists()


# --- Reading


def test_lists_the_oldest_first_from_a_position(tenant, admin):
    for n in range(5):
        record(tenant, n=n)
    record(TenantFactory(), n="foreign")
    events.sequence_waiting()
    api = Api(admin)
    first = api.get("events/?page_size=2").json()
    assert [row["position"] for row in first["results"]] == [1, 2]
    assert first["previous"] is None
    second = api.get(first["next"]).json()
    assert [row["data"]["n"] for row in second["results"]] == [2, 3]
    third = api.get(second["next"]).json()
    assert ([row["position"] for row in third["results"]], third["next"]) == ([5], None)
    assert api.get("events/?after=5").json()["results"] == []


def test_tells_who_did_what(tenant, admin):
    event = record(tenant, by=actor_of(admin), type="seat.assigned", subject="abc", n=1)
    by_operator = OperatorFactory()
    Event.objects.create(tenant=tenant, type="thing.happened", at=NOON + timedelta(days=1), actor=by_operator)
    events.sequence(tenant.pk)
    row = Api(admin).get("events/").json()["results"][0]
    assert row == {
        "id": str(event.pk),
        "position": 1,
        "type": "seat.assigned",
        "at": "2026-03-10T12:00:00Z",
        "actor": {"id": str(admin.user_id), "email": admin.user.email},
        "on_behalf_of": None,
        "subject": "abc",
        "data": {"n": 1},
    }


def test_by_type(tenant, admin):
    record(tenant, "seat.assigned")
    record(tenant, "seat.released")
    record(tenant)
    events.sequence(tenant.pk)
    rows = Api(admin).get("events/?type=seat.released").json()["results"]
    assert [(row["type"], row["position"], row["actor"]) for row in rows] == [("seat.released", 2, None)]


@pytest.mark.parametrize("roles, sees", [([], 1), (["user_admin"], 1), (["license_admin"], 1), (["billing_admin"], 3)])
def test_people_without_the_right_see_what_they_did_themselves(tenant, admin, roles, sees):
    member = MembershipFactory(tenant=tenant, roles=roles)
    for by in (actor_of(admin), actor_of(member), SYSTEM):
        record(tenant, by=by)
    elsewhere = GuestFactory(user=member.user)
    record(elsewhere.tenant, by=actor_of(elsewhere))
    events.sequence_waiting()
    rows = Api(member).get("events/").json()["results"]
    assert len(rows) == sees
    assert sees > 1 or rows[0]["actor"]["id"] == str(member.user_id)


@pytest.mark.parametrize(
    "query",
    [
        "after=-1",
        "after=x",
        f"after={LAST_POSITION + 1}",
        f"after={'9' * 5000}",
        "page_size=0",
        "type=",
        "type=%00",
        "a=1",
    ],
)
def test_refuses_a_query_that_is_none(admin, query):
    answer = Api(admin).get(f"events/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_takes_the_last_position_there_can_be(admin):
    assert Api(admin).get(f"events/?after={LAST_POSITION}").json()["results"] == []


def test_the_number_of_queries_does_not_grow(tenant, admin, django_assert_num_queries):
    api = Api(admin)
    for _ in range(2):
        record(tenant, by=actor_of(admin))
        events.sequence(tenant.pk)
        with django_assert_num_queries(4):
            api.get("events/")
    for _ in range(30):
        record(tenant, by=actor_of(MembershipFactory(tenant=tenant)))
    events.sequence(tenant.pk)
    with django_assert_num_queries(4):
        assert len(api.get("events/").json()["results"]) == 32
