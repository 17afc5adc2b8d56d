"""What was bought, by API: who sees what, filters, pages."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commerce.models import Purchase
from licensing.models import Subscription
from licensing.operations import seats
from tests.callers import Api
from tests.commerce.conftest import ids
from tests.factories import GuestFactory, MembershipFactory, acting, buy, buy_centrally, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NEVER = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def ana():
    return MembershipFactory(user__email="ana@contoso.example", name="Ana", tenant__slug="contoso")


def test_shows_what_was_bought(ana, subscription):
    person = {"email": "ana@contoso.example", "name": "Ana"}
    shown = Api(ana).get(f"subscriptions/{subscription.pk}/").json()
    times = {name: shown.pop(name) for name in ("term_start", "term_end", "refundable_until", "created_at")}
    assert shown == {
        "id": str(subscription.pk),
        "product": {"id": "CFQ7TTC0H9MP", "name": "Power BI Pro", "family": "power-bi"},
        "plan": "power-bi-pro-monthly",
        "channel": "self_service",
        "state": "active",
        "purchaser": person,
        "owner": person,
        "payer": person,
        "quantity": 2,
        "seats_assigned": 1,
        "scheduled_quantity": None,
        "unit_price": {"amount": "9.99", "currency": "USD"},
        "auto_renew": True,
        "renewal_stopped_at": None,
        "renewal": None,
        "planned_end": None,
        "governance": [],
    }
    assert times["created_at"] == times["term_start"] < times["refundable_until"] < times["term_end"]
    assert Api(ana).get("subscriptions/").json()["results"] == [shown | times]


def test_what_was_never_charged_has_no_price(ana, plan):
    now = timezone.now()
    given = Subscription.objects.create(
        tenant=ana.tenant, plan=plan, channel="central", purchaser=ana, quantity=1, term_start=now, created_at=now,
        term_end=now + timedelta(days=30), anchor_at=now, time_zone="UTC", state_ends_at=now + timedelta(days=30),
    )  # fmt: skip
    shown = Api(ana).get(f"subscriptions/{given.pk}/").json()
    assert [shown[name] for name in ("unit_price", "owner", "payer", "refundable_until")] == [None] * 4
    assert Purchase.objects.for_procurement().get().paid == 0


def test_paid_is_what_was_captured_less_what_went_back(ana, admin, subscription):
    assert Purchase.objects.for_procurement().get().paid == Decimal("19.98")
    answer = Api(ana).post(f"subscriptions/{subscription.pk}/cancel/", {"reason": "No need"}, key="k")
    kept = Decimal("19.98") - Decimal(answer.json()["total"]["amount"])
    row = Purchase.objects.for_procurement().get()
    assert (row.paid, row.refundable_until) == (kept, None)


def test_purchasers_see_their_own_and_admins_all_of_their_tenant(ana, admin, subscription, plan):
    ben = MembershipFactory(tenant=ana.tenant)
    his, foreign = buy(ben, plan, at=timezone.now()), buy(MembershipFactory(), plan, at=timezone.now())
    assert ids(Api(ana).get("subscriptions/")) == [str(subscription.pk)]
    assert set(ids(Api(admin).get("subscriptions/"))) == {str(subscription.pk), str(his.pk)}
    reader = MembershipFactory(tenant=ana.tenant, roles=["global_reader"])
    assert len(ids(Api(reader).get("subscriptions/"))) == 2
    for who in (MembershipFactory(tenant=ana.tenant), GuestFactory(tenant=ana.tenant), GuestFactory(user=ana.user)):
        assert ids(Api(who).get("subscriptions/")) == []
        assert Api(who).get(f"subscriptions/{subscription.pk}/").status_code == 404
    assert Api(admin).get(f"subscriptions/{foreign.pk}/").content == Api(admin).get(f"subscriptions/{NEVER}/").content


MONEY = ("unit_price", "refundable_until")


@pytest.mark.parametrize(
    "role, sees_all, sees_prices",
    [
        ("global_admin", True, True),
        ("billing_admin", True, True),
        ("global_reader", True, True),
        ("license_admin", True, False),
        ("user_admin", False, False),
    ],
)
def test_each_role_sees_what_it_may_and_prices_only_where_it_may(
    ana, admin, plan, subscription, role, sees_all, sees_prices
):
    central = buy_centrally(admin, plan)
    member = MembershipFactory(tenant=ana.tenant, roles=[role])
    api, own = Api(member), buy(member, plan, at=timezone.now())
    rows = {row["id"]: row for row in api.get("subscriptions/").json()["results"]}
    assert set(rows) == {str(s.pk) for s in ([central, subscription, own] if sees_all else [central, own])}
    for row in rows.values():
        assert api.get(f"subscriptions/{row['id']}/").json() == row
    assert (rows[str(central.pk)]["unit_price"] is not None) == sees_prices
    assert sees_prices or all(rows[str(central.pk)][name] is None for name in MONEY)
    assert (rows[str(central.pk)]["owner"], rows[str(central.pk)]["payer"]) == (None, None)
    assert all(rows[str(own.pk)][name] for name in MONEY), "what they bought themselves they know"
    if not sees_all:
        assert api.get(f"subscriptions/{subscription.pk}/").status_code == 404


def test_a_filter_with_two_values_is_refused_by_name(admin, subscription):
    answer = Api(admin).get("subscriptions/?state=active&channel=central&state=expired")
    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("state", "repeated")]


def test_filters(ana, admin, subscription, plan):
    cleo = MembershipFactory(tenant=ana.tenant, user__email="cleo@contoso.example")
    annual = plan_on_sale(product__name="Power Apps", term="P1Y")
    other = buy(cleo, annual, at=timezone.now(), assign_to=[ana])
    Subscription.objects.filter(pk=other.pk).update(state="expired")
    between = (subscription.term_end + timedelta(days=1)).isoformat()
    api = Api(admin)
    for query, expected in {
        "channel=self_service": [other, subscription],
        "channel=central": [],
        "state=active": [subscription],
        "state=expired": [other],
        "product=CFQ7TTC0H9MP": [subscription],
        "product=none": [],
        "family=power-bi": [subscription],
        "purchaser=Cleo@contoso.example": [other],
        "purchaser=nobody@contoso.example": [],
        "assigned_to=ana@contoso.example": [other, subscription],
        "assigned_to=cleo@contoso.example": [],
        "search=power": [other, subscription],
        "search=apps": [other],
        "search=cleo": [other],
        "search=apps&state=active": [],
        urlencode({"expires_before": between}): [subscription],
        urlencode({"expires_after": between}): [other],
        "ordering=term_end": [subscription, other],
        "ordering=-term_end": [other, subscription],
    }.items():
        assert ids(api.get(f"subscriptions/?{query}")) == [str(s.pk) for s in expected], query


def test_a_released_seat_is_no_assignment(ana, subscription):
    seats.release(subscription=subscription, members=[ana], by=acting(ana), at=timezone.now())
    assert ids(Api(ana).get("subscriptions/?assigned_to=ana@contoso.example")) == []


@pytest.mark.parametrize(
    "query",
    ["channel=x", "state=trialing", "purchaser=x", "assigned_to=", "expires_before=soon", "expires_after=9999-99-99",
     "ordering=price", "page_size=0", "page_size=-1", "page_size=x", "cursor=x", "colour=red", "search=" + "x" * 201,
     "search=%00", "tenant=fabrikam"],
)  # fmt: skip
def test_refuses_a_bad_query_by_name(ana, query):
    answer = Api(ana).get(f"subscriptions/?{query}")
    assert answer.status_code == 400, answer.content
    assert [error["field"] for error in answer.json()["errors"]] == [query.partition("=")[0]]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z"])
def test_moments_that_no_calendar_has_are_bad_input(ana, moment):
    answer = Api(ana).get("subscriptions/?" + urlencode({"expires_before": moment}))
    assert answer.status_code == 400


def test_pages_hold_every_row_once_over_ties(ana, admin, plan):
    now = timezone.now()
    bought = [buy(MembershipFactory(tenant=ana.tenant), plan, quantity=1, at=now) for _ in range(7)]
    mine = {str(subscription.pk) for subscription in bought}
    for ordering in ("created_at", "-created_at", "term_end", "-term_end", "id", "-id"):
        seen, url = [], f"subscriptions/?page_size=3&ordering={ordering}"
        while url:
            page = Api(admin).get(url).json()
            seen += [row["id"] for row in page["results"]]
            url = page["next"]
        assert (len(seen), set(seen)) == (7, mine), ordering


def test_the_count_of_queries_does_not_grow(ana, admin, plan):
    api = Api(admin)

    def queries(path):
        with CaptureQueriesContext(connection) as caught:
            rows = ids(api.get(f"{path}?page_size=200"))
        return len(rows), len(caught)

    buy(ana, plan, at=timezone.now())
    few = [queries(path)[1] for path in ("subscriptions/", "orders/")]
    for _ in range(29):
        buy(MembershipFactory(tenant=ana.tenant), plan, at=timezone.now())
    assert [queries(path) for path in ("subscriptions/", "orders/")] == [(30, count) for count in few]
