"""What was bought, by API: who sees what, filters, renewal, end."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commerce.models import Order, Purchase, Refund
from commerce.operations.payments import CardDeclined
from licensing.models import Subscription
from licensing.operations import seats
from tenants.api.models import IdempotencyKey
from tests.callers import Api
from tests.factories import GuestFactory, MembershipFactory, acting, buy, open_checkout, pay, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NEVER = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def plan():
    return plan_on_sale(product__id="CFQ7TTC0H9MP", product__name="Power BI Pro", product__family__slug="power-bi")


@pytest.fixture
def ana():
    return MembershipFactory(user__email="ana@contoso.example", name="Ana", tenant__slug="contoso")


@pytest.fixture
def admin(ana):
    return MembershipFactory(tenant=ana.tenant, roles=["billing_admin"])


@pytest.fixture
def bought(ana, plan):
    return buy(ana, plan, at=timezone.now())


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


# --- Reading


def test_shows_what_was_bought(ana, bought):
    person = {"email": "ana@contoso.example", "name": "Ana"}
    shown = Api(ana).get(f"subscriptions/{bought.pk}/").json()
    times = {name: shown.pop(name) for name in ("term_start", "term_end", "refundable_until", "created_at")}
    assert shown == {
        "id": str(bought.pk),
        "product": {"id": "CFQ7TTC0H9MP", "name": "Power BI Pro", "family": "power-bi"},
        "plan": "power-bi-pro-monthly",
        "channel": "self_service",
        "state": "active",
        "purchaser": person,
        "owner": person,
        "payer": person,
        "quantity": 2,
        "seats_assigned": 1,
        "unit_price": {"amount": "9.99", "currency": "USD"},
        "auto_renew": True,
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


def test_paid_is_what_was_captured_less_what_went_back(ana, admin, bought):
    assert Purchase.objects.for_procurement().get().paid == Decimal("19.98")
    answer = Api(ana).post(f"subscriptions/{bought.pk}/cancel/", {"reason": "No need"}, key="k")
    kept = Decimal("19.98") - Decimal(answer.json()["total"]["amount"])
    row = Purchase.objects.for_procurement().get()
    assert (row.paid, row.refundable_until) == (kept, None)


def test_purchasers_see_their_own_and_admins_all_of_their_tenant(ana, admin, bought, plan):
    ben = MembershipFactory(tenant=ana.tenant)
    his, foreign = buy(ben, plan, at=timezone.now()), buy(MembershipFactory(), plan, at=timezone.now())
    assert ids(Api(ana).get("subscriptions/")) == [str(bought.pk)]
    assert set(ids(Api(admin).get("subscriptions/"))) == {str(bought.pk), str(his.pk)}
    reader = MembershipFactory(tenant=ana.tenant, roles=["global_reader"])
    assert len(ids(Api(reader).get("subscriptions/"))) == 2
    for who in (MembershipFactory(tenant=ana.tenant), GuestFactory(tenant=ana.tenant), GuestFactory(user=ana.user)):
        assert ids(Api(who).get("subscriptions/")) == []
        assert Api(who).get(f"subscriptions/{bought.pk}/").status_code == 404
    assert Api(admin).get(f"subscriptions/{foreign.pk}/").content == Api(admin).get(f"subscriptions/{NEVER}/").content


@pytest.mark.parametrize("role", ["license_admin", "user_admin"])
def test_roles_without_rights_yet_see_their_own(ana, bought, role):
    assert ids(Api(MembershipFactory(tenant=ana.tenant, roles=[role])).get("subscriptions/")) == []


def test_filters(ana, admin, bought, plan):
    cleo = MembershipFactory(tenant=ana.tenant, user__email="cleo@contoso.example")
    annual = plan_on_sale(product__name="Power Apps", term="P1Y")
    other = buy(cleo, annual, at=timezone.now(), assign_to=[ana])
    Subscription.objects.filter(pk=other.pk).update(state="expired")
    between = (bought.term_end + timedelta(days=1)).isoformat()
    api = Api(admin)
    for query, expected in {
        "channel=self_service": [other, bought],
        "channel=central": [],
        "state=active": [bought],
        "state=expired": [other],
        "product=CFQ7TTC0H9MP": [bought],
        "product=none": [],
        "family=power-bi": [bought],
        "purchaser=Cleo@contoso.example": [other],
        "purchaser=nobody@contoso.example": [],
        "assigned_to=ana@contoso.example": [other, bought],
        "assigned_to=cleo@contoso.example": [],
        "search=power": [other, bought],
        "search=apps": [other],
        "search=cleo": [other],
        "search=apps&state=active": [],
        urlencode({"expires_before": between}): [bought],
        urlencode({"expires_after": between}): [other],
        "ordering=term_end": [bought, other],
        "ordering=-term_end": [other, bought],
    }.items():
        assert ids(api.get(f"subscriptions/?{query}")) == [str(s.pk) for s in expected], query


def test_a_released_seat_is_no_assignment(ana, bought):
    seats.release(subscription=bought, members=[ana], by=acting(ana), at=timezone.now())
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


# --- Renewal


def test_automatic_renewal_off_and_on(ana, bought):
    for wanted in (False, False, True):
        answer = Api(ana).post(f"subscriptions/{bought.pk}/auto-renew/", {"auto_renew": wanted})
        assert (answer.status_code, answer.json()["auto_renew"]) == (200, wanted)
        assert answer.json()["unit_price"] == {"amount": "9.99", "currency": "USD"}


@pytest.mark.parametrize(
    "body", [{}, {"auto_renew": None}, {"auto_renew": "perhaps"}, {"auto_renew": False, "when": "now"}]
)
def test_renewal_is_on_or_off(ana, bought, body):
    assert Api(ana).post(f"subscriptions/{bought.pk}/auto-renew/", body).status_code == 400
    assert Subscription.objects.get().auto_renew


# --- The end


def test_a_preview_tells_the_money_and_changes_nothing(ana, bought):
    answer = Api(ana).post(f"subscriptions/{bought.pk}/cancel/", {"preview": True})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    [line] = told["lines"]
    assert line["order"] == str(Order.objects.get().pk)
    assert (line["quantity"], line["charged"]) == (2, {"amount": "19.98", "currency": "USD"})
    assert told["total"] == line["refund"]
    assert Decimal("19.90") < Decimal(told["total"]["amount"]) <= Decimal("19.98")
    assert told["subscription"]["state"] == Subscription.objects.get().state == "active"


def test_cancel_in_the_window_ends_it_and_gives_money_back_once(ana, bought):
    first, second = (
        Api(ana).post(f"subscriptions/{bought.pk}/cancel/", {"reason": "No need"}, key="k") for _ in range(2)
    )
    assert first.status_code == 200, first.content
    assert second.content == first.content
    assert first.json()["subscription"]["state"] == "disabled"
    refund = Refund.objects.get()
    assert (refund.state, str(refund.amount.quantize(Decimal("0.01")))) == (
        "succeeded",
        first.json()["total"]["amount"],
    )
    again = Api(ana).post(f"subscriptions/{bought.pk}/cancel/", {"reason": "No need"}, key="other")
    assert (again.status_code, again.json()["code"]) == (409, "subscription_inactive")


def test_cancel_after_the_window_lets_it_run_to_its_end(ana, plan):
    bought = buy(ana, plan, at=timezone.now() - timedelta(days=8))
    told = Api(ana).post(f"subscriptions/{bought.pk}/cancel/", {"reason": "No need"}, key="k").json()
    assert (told["lines"], told["total"]) == ([], {"amount": "0.00", "currency": "USD"})
    assert told["ends_at"] == told["subscription"]["term_end"]
    assert (told["subscription"]["state"], told["subscription"]["auto_renew"]) == ("active", False)


def test_cancel_asks_for_a_key_unless_it_previews(ana, bought):
    for body in ({}, {"preview": False}, {"preview": "true"}):
        answer = Api(ana).post(f"subscriptions/{bought.pk}/cancel/", body)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert Subscription.objects.get().state == "active"


@pytest.mark.parametrize(
    "body",
    [{"preview": True, "reason": 5 * ["x"]}, {"preview": True, "reason": "x" * 501}, {"preview": True, "now": 1}],
)
def test_cancel_refuses_what_it_cannot_read(ana, bought, body):
    assert Api(ana).post(f"subscriptions/{bought.pk}/cancel/", body).status_code == 400


@pytest.mark.parametrize("preview", ["true", "yes", 1, "1", None, []])
def test_what_only_looks_like_a_preview_cancels_nothing(ana, bought, preview):
    answer = Api(ana).post(f"subscriptions/{bought.pk}/cancel/", {"preview": preview}, key="k")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "preview")
    assert Subscription.objects.get().state == "active"


def test_a_retry_of_a_cancel_that_died_gets_what_it_did(ana, bought):
    first = Api(ana).post(f"subscriptions/{bought.pk}/cancel/", {"reason": "x"}, key="k")
    IdempotencyKey.objects.filter(key="k").update(status=None, leased_until=timezone.now() - timedelta(seconds=1))
    again = Api(ana).post(f"subscriptions/{bought.pk}/cancel/", {"reason": "x"}, key="k")
    assert (again.status_code, again.json()) == (200, first.json())
    other = Api(ana).post(f"subscriptions/{bought.pk}/cancel/", {"reason": "x"}, key="another")
    assert (other.status_code, other.json()["code"]) == (409, "subscription_inactive")


def test_admins_who_may_end_purchases_of_others_do(admin, bought):
    assert Api(admin).post(f"subscriptions/{bought.pk}/cancel/", {"reason": "Stop"}, key="k").status_code == 200


@pytest.mark.parametrize(
    ("action", "body"),
    [("cancel/", {"reason": "x"}), ("cancel/", {"preview": True}), ("auto-renew/", {"auto_renew": False})],
)
def test_others_end_nothing(ana, bought, action, body):
    reader = Api(MembershipFactory(tenant=ana.tenant, roles=["global_reader"]))
    answer = reader.post(f"subscriptions/{bought.pk}/{action}", body, key="k")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    for who in (MembershipFactory(tenant=ana.tenant), MembershipFactory(roles=["global_admin"])):
        assert Api(who).post(f"subscriptions/{bought.pk}/{action}", body, key="k").status_code == 404
    narrow = Api(ana, scopes=("purchases:read",)).post(f"subscriptions/{bought.pk}/{action}", body, key="k")
    assert narrow.json()["code"] == "insufficient_scope"
    assert (Subscription.objects.get().state, Subscription.objects.get().auto_renew) == ("active", True)


@pytest.mark.parametrize("path", ["quantity/", "reactivate/", "transfer/", "take-over/"])
def test_what_is_not_there_yet_is_not_there(ana, bought, path):
    answer = Api(ana).post(f"subscriptions/{bought.pk}/{path}", {}, key="k")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


# --- Orders


def test_an_order_has_lines_periods_and_every_try_of_a_card(ana, plan):
    checkout = open_checkout(ana, plan, at=timezone.now())
    with pytest.raises(CardDeclined):
        pay(checkout, "pm_card_chargeDeclined", at=timezone.now())
    [pending] = Api(ana).get("orders/").json()["results"]
    assert (pending["state"], pending["subscription"], pending["lines"][0]["period"]) == ("pending", None, None)
    pay(checkout, at=timezone.now())
    bought = Subscription.objects.get()
    [order] = Api(ana).get("orders/").json()["results"]
    assert (order["state"], order["subscription"], order["checkout"]) == ("paid", str(bought.pk), str(checkout.pk))
    assert order["total"] == {"amount": "19.98", "currency": "USD"}
    [line] = order["lines"]
    shown = Api(ana).get(f"subscriptions/{bought.pk}/").json()
    assert line["period"] == {"starts_at": shown["term_start"], "ends_at": shown["term_end"]}
    assert [(p["state"], p["decline_code"], p["refunds"]) for p in order["payments"]] == [
        ("failed", "generic_decline", []),
        ("succeeded", None, []),
    ]
    Api(ana).post(f"subscriptions/{bought.pk}/cancel/", {"reason": "x"}, key="k")
    [order] = Api(ana).get(f"orders/?state=paid&subscription={bought.pk}").json()["results"]
    [refund] = order["payments"][1]["refunds"]
    assert (refund["state"], refund["reason"], refund["amount"]["currency"]) == ("succeeded", "canceled", "USD")


def test_orders_are_seen_as_purchases_are(ana, admin, bought):
    assert len(ids(Api(admin).get("orders/"))) == 1
    for who in (
        MembershipFactory(tenant=ana.tenant),
        MembershipFactory(roles=["global_admin"]),
        GuestFactory(user=ana.user),
    ):
        assert ids(Api(who).get("orders/")) == []


@pytest.mark.parametrize("query", ["subscription=x", "state=lost", "buyer=x"])
def test_orders_refuse_a_bad_query(ana, query):
    assert Api(ana).get(f"orders/?{query}").status_code == 400
