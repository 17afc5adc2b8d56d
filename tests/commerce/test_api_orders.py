"""Orders by API: lines, periods, every try of a card."""

import pytest
from django.utils import timezone

from commerce.operations.paying.charging import CardDeclined
from licensing.models import Subscription
from tests.callers import Api
from tests.commerce.conftest import ids
from tests.factories import GuestFactory, MembershipFactory, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


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


def test_orders_are_seen_as_purchases_are(ana, admin, subscription):
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
