import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from tenants.api import idempotency
from tenants.api.models import IdempotencyKey
from tenants.directory.models import Role, RoleGrant
from tests.callers import Api
from tests.factories import NOON, GuestFactory, MembershipFactory, OperatorFactory
from tests.race import at_once
from tests.tenants import toy_api

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.tenants.toy_api")]


@pytest.fixture(autouse=True)
def fresh():
    toy_api.ran.clear()
    toy_api.running.clear()


@pytest.fixture
def member():
    return MembershipFactory()


@pytest.fixture
def api(member):
    return Api(member)


def test_repeats_the_first_answer_byte_for_byte(api):
    first = api.post("toy/", {"do": "work"}, key="k")
    again = api.post("toy/", {"do": "work"}, key="k")
    assert (first.status_code, first.content) == (201, again.content)
    assert again.status_code == 201
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert (again["Location"], again["Content-Type"]) == (first["Location"], first["Content-Type"])
    assert toy_api.ran == ["work"]


def test_repeats_a_decline_as_the_problem_it_was(api):
    first = api.post("toy/", {"do": "decline"}, key="k")
    again = api.post("toy/", {"do": "decline"}, key="k")
    assert first.status_code == again.status_code == 402
    assert first.content == again.content
    assert again["Content-Type"] == "application/problem+json"
    assert first.json()["decline_code"] == "generic_decline"
    assert toy_api.ran == ["decline"]


@pytest.mark.parametrize("do, status", [("bad", 400), ("gone", 404), ("absent", 404), ("too_many", 429), ("role", 403)])
def test_does_not_keep_what_did_nothing(api, do, status):
    assert [api.post("toy/", {"do": do}, key="k").status_code for _ in range(2)] == [status, status]
    assert toy_api.ran == [do, do]
    assert not IdempotencyKey.objects.exists()


def test_frees_the_key_of_a_defect(member):
    api = Api(member, raise_errors=False)
    assert api.post("toy/", {"do": "break"}, key="k").status_code == 500
    assert api.post("toy/", {"do": "work"}, key="k").status_code == 201


def test_an_invalid_body_is_not_kept(api):
    assert api.post("toy/", {"number": "many"}, key="k").status_code == 400
    assert api.post("toy/", {"number": 3}, key="k").status_code == 201


def test_asks_for_a_key(api):
    refused = api.post("toy/")
    assert (refused.status_code, refused.json()["code"]) == (400, "idempotency_key_missing")
    assert toy_api.ran == []


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\tb", "schlüssel"])
def test_refuses_what_is_no_key(api, key):
    refused = api.post("toy/", key=key)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "Idempotency-Key"


def test_takes_the_longest_key(api):
    assert api.post("toy/", key="x" * 255).status_code == 201


@pytest.mark.parametrize(
    "path, body", [("toy/", {"do": "else"}), ("toy/yes/", {}), ("toy/?a=1", {}), ("toy/", {"no": 1})]
)
def test_refuses_the_same_key_with_another_call(api, path, body):
    api.post("toy/", key="k")
    refused = api.post(path, body, key="k")
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")


def test_the_order_of_members_does_not_make_another_body(api):
    first = api.post("toy/", '{"do": "work", "number": 1}', key="k")
    again = api.post("toy/", '{ "number":1,"do":"work"}', key="k")
    assert again.content == first.content


def test_belongs_to_the_person_and_the_tenant(member, api):
    elsewhere = GuestFactory(user=member.user)
    colleague = MembershipFactory(tenant=member.tenant)
    api.post("toy/", key="k")
    assert "Idempotent-Replayed" not in Api(elsewhere).post("toy/", key="k")
    assert "Idempotent-Replayed" not in Api(colleague).post("toy/", key="k")
    # Another token of the same person in the same tenant is the same client.
    assert "Idempotent-Replayed" in Api(member).post("toy/", key="k")


def test_rights_are_asked_before_an_answer_is_repeated(member):
    grant = RoleGrant.objects.create(tenant=member.tenant, membership=member, role=Role.BILLING_ADMIN, granted_at=NOON)
    api = Api(member)
    assert api.post("toy/admin/", key="k").status_code == 201
    assert Api(member, scopes=["purchases:read"]).post("toy/admin/", key="k").json()["code"] == "insufficient_scope"
    assert Api().post("toy/admin/", key="k").status_code == 401
    grant.delete()
    assert api.post("toy/admin/", key="k").json()["code"] == "not_allowed"
    assert api.post("toy/no/", key="k").status_code == 404


def test_an_operator_is_refused_where_a_tenant_is_needed():
    refused = Api(OperatorFactory()).post("toy/", key="k")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


def test_a_running_call_says_so_and_when_to_come_back(api):
    api.post("toy/", key="k")
    row = IdempotencyKey.objects.get()
    row.status, row.leased_until = None, timezone.now() + timedelta(seconds=20)
    row.save()
    refused = api.post("toy/", key="k")
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_key_in_use")
    assert int(refused["Retry-After"]) >= 1


def test_the_key_of_a_process_that_died_is_taken_over_after_its_lease(api):
    api.post("toy/", key="k")
    row = IdempotencyKey.objects.get()
    left_behind = row.lease
    row.status, row.leased_until = None, timezone.now() - timedelta(milliseconds=1)
    row.save()
    taken = api.post("toy/", key="k")
    assert (taken.status_code, "Idempotent-Replayed" in taken) == (201, False)
    assert len(toy_api.ran) == 2
    # The call thought dead comes back late: it stores nothing over the answer that was given.
    row.lease = left_behind
    assert not idempotency.keep(row, status=200, headers={}, body=b"late")
    idempotency.release(row)
    assert api.post("toy/", key="k").content == taken.content


def test_forgets_what_is_older(api):
    api.post("toy/", key="old")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=31))
    api.post("toy/", key="new")
    assert idempotency.forget(before=timezone.now() - idempotency.KEPT) == 1
    assert IdempotencyKey.objects.get().key == "new"


@pytest.mark.django_db(transaction=True)
def test_twenty_equal_calls_at_once_run_once():
    api = Api(MembershipFactory())
    answers = at_once(lambda _: api.post("toy/", {"seconds": 0.3}, key="k"), range(20))
    statuses = sorted(a.status_code for a in answers)
    assert toy_api.ran == ["work"]
    assert set(statuses) <= {201, 409}
    assert len({a.content for a in answers if a.status_code == 201}) == 1
    assert all(
        a.json()["code"] == "idempotency_key_in_use" and a["Retry-After"] for a in answers if a.status_code == 409
    )
    assert api.post("toy/", {"seconds": 0.3}, key="k")["Idempotent-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_a_second_call_is_told_while_the_first_runs():
    api = Api(MembershipFactory())
    first = threading.Thread(target=lambda: at_once(lambda _: api.post("toy/", {"seconds": 1}, key="k"), [0]))
    first.start()
    assert toy_api.running.wait(10)
    assert api.post("toy/", {"seconds": 1}, key="k").status_code == 409
    assert api.post("toy/", {"seconds": 2}, key="k").status_code == 422
    first.join()
    assert api.post("toy/", {"seconds": 1}, key="k")["Idempotent-Replayed"] == "true"
