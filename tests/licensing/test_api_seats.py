"""Seats by API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing.models import Seat, Subscription
from licensing.operations import seats
from tenants.directory.models import MemberState
from tests.callers import Api
from tests.factories import GuestFactory, MembershipFactory, acting, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NEVER = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def ana():
    return MembershipFactory(user__email="ana@contoso.example", name="Ana", tenant__slug="contoso")


@pytest.fixture
def cleo(ana):
    return MembershipFactory(tenant=ana.tenant, user__email="cleo@contoso.example", name="Cleo")


@pytest.fixture
def bought(ana):
    return buy(ana, plan_on_sale(product__id="CFQ7TTC0H9MP"), quantity=3, at=timezone.now())


@pytest.fixture
def path(bought):
    return f"subscriptions/{bought.pk}/seats/"


def holders(bought):
    return {seat.member.user.email for seat in Seat.objects.open().filter(subscription=bought)}


def errors(answer):
    assert answer.status_code == 400, answer.content
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


# --- Assigning


def test_assigns_several_at_once_and_tells_one_seat_for_each(ana, cleo, bought, path):
    answer = Api(ana).post(path, {"members": ["Cleo@contoso.example", "ana@contoso.example", "cleo@contoso.example"]})
    assert answer.status_code == 201, answer.content
    given = answer.json()
    assert [seat["member"] for seat in given] == [
        {"email": "cleo@contoso.example", "name": "Cleo"},
        {"email": "ana@contoso.example", "name": "Ana"},
    ]
    assert all(set(seat) == {"id", "member", "assigned_at"} for seat in given)
    assert holders(bought) == {"ana@contoso.example", "cleo@contoso.example"}
    listed = Api(ana).get(path).json()["results"]
    assert sorted(seat["id"] for seat in listed) == sorted(seat["id"] for seat in given)


def test_all_or_none(ana, cleo, bought, path):
    outsiders = [MembershipFactory(), GuestFactory(tenant=ana.tenant)]
    for email in [m.user.email for m in outsiders] + ["nobody@nowhere.example"]:
        answer = Api(ana).post(path, {"members": ["cleo@contoso.example", email]})
        assert errors(answer) == [("members", "not_a_member")]
    gone = MembershipFactory(tenant=ana.tenant, state=MemberState.LEFT)
    answer = Api(ana).post(path, {"members": ["cleo@contoso.example", gone.user.email]})
    assert errors(answer) == [("members", "member_not_active")]
    assert holders(bought) == {"ana@contoso.example"}


def test_refuses_more_people_than_seats(ana, bought, path):
    people = MembershipFactory.create_batch(3, tenant=ana.tenant)
    answer = Api(ana).post(path, {"members": [m.user.email for m in people]})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_seat_left")
    assert holders(bought) == {"ana@contoso.example"}


def test_a_subscription_that_ended_takes_nobody(ana, cleo, bought, path):
    Subscription.objects.update(state="disabled")
    answer = Api(ana).post(path, {"members": ["cleo@contoso.example"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "subscription_inactive")


@pytest.mark.parametrize("action", ["", "release/"])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ("members", "required")),
        ({"members": None}, ("members", "null")),
        ({"members": []}, ("members", "empty")),
        ({"members": "cleo@contoso.example"}, ("members", "not_a_list")),
        ({"members": ["cleo"]}, ("members.0", "invalid")),
        ({"members": [None]}, ("members.0", "null")),
        ({"members": [["x"]]}, ("members.0", "invalid")),
        ({"members": ["a\0@contoso.example"]}, ("members.0", "character_not_allowed")),
        ({"members": ["x" * 300 + "@contoso.example"]}, ("members.0", "max_length")),
        ({"members": [f"m{n}@contoso.example" for n in range(501)]}, ("members", "max_length")),
        ({"members": ["cleo@contoso.example"], "notify": True}, ("notify", "unknown_field")),
    ],
)
def test_refuses_a_body_that_can_never_be_right(ana, cleo, bought, path, action, body, expected):
    assert expected in errors(Api(ana).post(path + action, body))
    assert holders(bought) == {"ana@contoso.example"}


# --- Releasing


def test_releases_one_seat_and_twice_is_no_matter(ana, bought, path):
    seat = Seat.objects.get()
    for _ in range(2):
        answer = Api(ana).delete(f"{path}{seat.pk}/")
        assert (answer.status_code, answer.content) == (204, b"")
    assert holders(bought) == set()
    assert Api(ana).get(path).json()["results"] == []


def test_releases_several_also_of_people_who_have_left(ana, cleo, bought, path):
    Api(ana).post(path, {"members": ["cleo@contoso.example"]})
    cleo.state = MemberState.LEFT
    cleo.save()
    ben = MembershipFactory(tenant=ana.tenant)
    answer = Api(ana).post(
        path + "release/", {"members": ["ana@contoso.example", "cleo@contoso.example", ben.user.email]}
    )
    assert answer.status_code == 200, answer.content
    assert {seat["member"]["email"] for seat in answer.json()} == {"ana@contoso.example", "cleo@contoso.example"}
    assert holders(bought) == set()


def test_release_of_a_stranger_releases_nobody(ana, bought, path):
    answer = Api(ana).post(path + "release/", {"members": ["ana@contoso.example", MembershipFactory().user.email]})
    assert errors(answer) == [("members", "not_a_member")]
    assert holders(bought) == {"ana@contoso.example"}


def test_a_seat_of_another_subscription_is_not_there(ana, bought, path):
    other = buy(ana, plan_on_sale(), at=timezone.now())
    for seat in (Seat.objects.get(subscription=other).pk, NEVER):
        assert Api(ana).delete(f"{path}{seat}/").status_code == 404
    assert Seat.objects.open().count() == 2


# --- Whose they are


def test_admins_read_seats_but_the_owner_assigns_them(ana, cleo, bought, path):
    admin = Api(MembershipFactory(tenant=ana.tenant, roles=["global_admin"]))
    assert len(admin.get(path).json()["results"]) == 1
    seat = Seat.objects.get()
    for answer in (
        admin.post(path, {"members": ["cleo@contoso.example"]}),
        admin.post(path + "release/", {"members": ["ana@contoso.example"]}),
        admin.delete(f"{path}{seat.pk}/"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert holders(bought) == {"ana@contoso.example"}


def test_others_find_nothing(ana, cleo, bought, path):
    seat = Seat.objects.get()
    for who in (
        cleo,
        GuestFactory(tenant=ana.tenant),
        MembershipFactory(roles=["global_admin"]),
        GuestFactory(user=ana.user),
    ):
        api = Api(who)
        for answer in (
            api.get(path),
            api.post(path, {"members": ["cleo@contoso.example"]}),
            api.post(path + "release/", {"members": ["ana@contoso.example"]}),
            api.delete(f"{path}{seat.pk}/"),
        ):
            assert answer.status_code == 404
            assert answer.content == api.get(f"subscriptions/{NEVER}/seats/").content
    assert holders(bought) == {"ana@contoso.example"}


def test_scopes_narrow(ana, path):
    narrow = Api(ana, scopes=("purchases:read",))
    assert narrow.get(path).status_code == 200
    assert narrow.post(path, {"members": ["ana@contoso.example"]}).json()["code"] == "insufficient_scope"
    assert Api(ana, scopes=("seats:write",)).get(path).json()["code"] == "insufficient_scope"


def test_the_count_of_queries_does_not_grow(ana):
    bought = buy(ana, plan_on_sale(), quantity=30, at=timezone.now())
    api, path = Api(ana), f"subscriptions/{bought.pk}/seats/"

    def queries():
        with CaptureQueriesContext(connection) as caught:
            rows = api.get(path).json()["results"]
        return len(rows), len(caught)

    one, few = queries()
    people = MembershipFactory.create_batch(29, tenant=ana.tenant)
    seats.assign(subscription=bought, members=people, by=acting(ana), at=timezone.now())
    assert (one, queries()) == (1, (30, few))


def test_releasing_does_not_tell_guests_from_strangers():
    owner = MembershipFactory()
    bought = buy(owner, plan_on_sale(), at=timezone.now())
    guest = GuestFactory(tenant=owner.tenant)
    answers = [
        Api(owner).post(f"subscriptions/{bought.pk}/seats/release/", {"members": [email]})
        for email in (guest.user.email, "nobody@nowhere.example")
    ]
    assert [(answer.status_code, answer.json()["errors"][0]["code"]) for answer in answers] == [
        (400, "not_a_member")
    ] * 2
