"""Free seats in the checkout's answer, and taking one, by API."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from commerce.models import Checkout
from licensing.models import Seat, Subscription
from policies.operations import settings
from tenants.access import SYSTEM
from tenants.api.models import IdempotencyKey
from tests.callers import Api
from tests.commerce.conftest import errors
from tests.factories import MembershipFactory, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def bill(tenant):
    return MembershipFactory(tenant=tenant, roles=["global_admin"])


@pytest.fixture
def allowed(tenant):
    settings.let_members_claim_seats(tenant=tenant, allowed=True, by=SYSTEM, at=timezone.now())


@pytest.fixture
def central(bill, plan):
    return buy_centrally(bill, plan, 3, at=timezone.now())


def opened_by(member, plan, key="open"):
    answer = Api(member).post("checkouts/", {"plan": plan.pk, "quantity": 1}, key=key)
    assert answer.status_code == 201, answer.content
    return answer.json()


def use(member, checkout, key="use", **body):
    return Api(member).post(f"checkouts/{checkout['id']}/use-free-seat/", body, key=key)


def test_are_offered_with_the_checkout(allowed, ana, plan, central):
    [room] = opened_by(ana, plan)["free_seats"]
    assert parse_datetime(room.pop("until")) == central.term_end
    assert room == {
        "subscription": str(central.pk),
        "product": {"id": "CFQ7TTC0H9MP", "name": "Power BI Pro", "family": "power-bi"},
        "seats_free": 3,
    }


def test_are_not_offered_where_members_do_not_claim(ana, plan, central):
    assert opened_by(ana, plan)["free_seats"] == []


def test_one_is_taken_instead_of_paying(allowed, ana, plan, central):
    checkout = opened_by(ana, plan)
    answer = use(ana, checkout)
    assert answer.status_code == 200, answer.content
    seat = Seat.objects.get()
    told = answer.json()
    assert told["seat"].pop("assigned_at")
    assert told == {
        "seat": {"id": str(seat.pk), "member": {"email": "ana@contoso.example", "name": "Ana Alvarez"}},
        "subscription": str(central.pk),
        "checkout": checkout["id"],
    }
    shown = Api(ana).get(f"checkouts/{checkout['id']}/").json()
    assert (shown["state"], shown["free_seats"]) == ("canceled", [])
    entitled = Api(ana).get("entitlements/?product=CFQ7TTC0H9MP").json()
    assert (entitled["entitled"], entitled["subscription"]) == (True, str(central.pk))


def test_the_same_key_takes_one_and_a_call_that_died_finds_it(allowed, ana, plan, central):
    checkout = opened_by(ana, plan)
    assert use(ana, checkout, key=None).json()["code"] == "idempotency_key_missing"
    first, second = use(ana, checkout), use(ana, checkout)
    assert second.content == first.content
    IdempotencyKey.objects.update(status=None, leased_until=timezone.now() - timedelta(seconds=1))
    again = use(ana, checkout)
    assert (again.status_code, again.json()["seat"]["id"]) == (200, first.json()["seat"]["id"])
    late = use(ana, checkout, key="late")
    assert (late.status_code, late.json()["code"]) == (409, "checkout_canceled")
    assert Seat.objects.count() == 1


def test_refusals_by_name(allowed, tenant, ana, cleo, plan, central):
    checkout = opened_by(ana, plan)
    Subscription.objects.filter(pk=central.pk).update(seats_assigned=3)
    answer = use(ana, checkout, "full", subscription=str(central.pk))
    assert (answer.status_code, answer.json()["code"]) == (409, "no_seat_left")
    Subscription.objects.filter(pk=central.pk).update(seats_assigned=0)
    settings.let_members_claim_seats(tenant=tenant, allowed=False, by=SYSTEM, at=timezone.now())
    answer = use(ana, checkout, "off")
    assert (answer.status_code, answer.json()["code"]) == (403, "claiming_not_allowed")
    settings.let_members_claim_seats(tenant=tenant, allowed=True, by=SYSTEM, at=timezone.now())
    another = opened_by(ana, plan, "second")
    assert use(ana, another, "first").status_code == 200
    answer = use(ana, checkout, "has")
    assert (answer.status_code, answer.json()["code"]) == (409, "has_seat_already")
    assert use(cleo, checkout, "stranger").status_code == 404
    assert (Checkout.objects.get(pk=checkout["id"]).state, Seat.objects.count()) == ("open", 1)


def test_what_can_never_be_right(allowed, ana, plan, central):
    checkout = opened_by(ana, plan)
    unknown = "01890000-0000-7000-8000-000000000000"
    assert errors(use(ana, checkout, "a", subscription=unknown)) == [("subscription", "does_not_exist")]
    assert errors(use(ana, checkout, "b", subscription="mine")) == [("subscription", "invalid")]
    assert errors(use(ana, checkout, "c", seats=1)) == [("seats", "unknown_field")]
    assert use(ana, {"id": unknown}, "d").status_code == 404


def test_a_token_without_the_scope(allowed, ana, plan, central):
    checkout = opened_by(ana, plan)
    narrow = Api(ana, scopes=["purchases:read"])
    answer = narrow.post(f"checkouts/{checkout['id']}/use-free-seat/", key="k")
    assert answer.json()["code"] == "insufficient_scope"


def test_the_offer_costs_the_same_with_one_and_with_thirty(allowed, ana, plan, central, bill):
    api, path = Api(ana), f"checkouts/{opened_by(ana, plan)['id']}/"

    def cost():
        with CaptureQueriesContext(connection) as queries:
            found = len(api.get(path).json()["free_seats"])
        return len(queries), found

    one, _found = cost()
    for _ in range(29):
        buy_centrally(bill, plan, 1, at=timezone.now())
    assert cost() == (one, 30)
