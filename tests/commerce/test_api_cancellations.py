"""Renewal and end of what was bought, by API."""

from datetime import timedelta
from decimal import Decimal
from unittest.mock import Mock

import pytest
from django.utils import timezone

from commerce.models import Order, Refund
from commerce.operations.changes import lines
from licensing.models import Subscription
from tests.callers import Api
from tests.factories import MembershipFactory, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


# --- Renewal


def test_automatic_renewal_off_and_on(ana, subscription):
    for wanted in (False, False, True):
        answer = Api(ana).post(f"subscriptions/{subscription.pk}/auto-renew/", {"auto_renew": wanted})
        assert (answer.status_code, answer.json()["auto_renew"]) == (200, wanted)
        assert answer.json()["unit_price"] == {"amount": "9.99", "currency": "USD"}


@pytest.mark.parametrize(
    "body", [{}, {"auto_renew": None}, {"auto_renew": "perhaps"}, {"auto_renew": False, "when": "now"}]
)
def test_renewal_is_on_or_off(ana, subscription, body):
    assert Api(ana).post(f"subscriptions/{subscription.pk}/auto-renew/", body).status_code == 400
    assert Subscription.objects.get().auto_renew


# --- The end


def test_a_preview_tells_the_money_and_changes_nothing(ana, subscription):
    answer = Api(ana).post(f"subscriptions/{subscription.pk}/cancel/", {"preview": True})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    [line] = told["lines"]
    assert line["order"] == str(Order.objects.get().pk)
    assert (line["quantity"], line["charged"]) == (2, {"amount": "19.98", "currency": "USD"})
    assert told["total"] == line["refund"]
    assert Decimal("19.90") < Decimal(told["total"]["amount"]) <= Decimal("19.98")
    assert told["subscription"]["state"] == Subscription.objects.get().state == "active"


def test_cancel_in_the_window_ends_it_and_gives_money_back_once(ana, subscription):
    first, second = (
        Api(ana).post(f"subscriptions/{subscription.pk}/cancel/", {"reason": "No need"}, key="k") for _ in range(2)
    )
    assert first.status_code == 200, first.content
    assert second.content == first.content
    assert first.json()["subscription"]["state"] == "disabled"
    refund = Refund.objects.get()
    assert (refund.state, str(refund.amount.quantize(Decimal("0.01")))) == (
        "succeeded",
        first.json()["total"]["amount"],
    )
    again = Api(ana).post(f"subscriptions/{subscription.pk}/cancel/", {"reason": "No need"}, key="other")
    assert (again.status_code, again.json()["code"]) == (409, "subscription_inactive")


def test_cancel_after_the_window_lets_it_run_to_its_end(ana, plan):
    bought = buy(ana, plan, at=timezone.now() - timedelta(days=8))
    told = Api(ana).post(f"subscriptions/{bought.pk}/cancel/", {"reason": "No need"}, key="k").json()
    [line] = told["lines"]
    assert (line["refund"], line["why"]["code"]) == ({"amount": "0.00", "currency": "USD"}, "outside_window")
    assert (told["direction"], told["total"]) == ("none", {"amount": "0.00", "currency": "USD"})
    assert told["ends_at"] == told["subscription"]["term_end"]
    assert (told["subscription"]["state"], told["subscription"]["auto_renew"]) == ("active", False)


def test_cancel_asks_for_a_key_unless_it_previews(ana, subscription):
    for body in ({}, {"preview": False}, {"preview": "true"}):
        answer = Api(ana).post(f"subscriptions/{subscription.pk}/cancel/", body)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert Subscription.objects.get().state == "active"


@pytest.mark.parametrize(
    "body",
    [{"preview": True, "reason": 5 * ["x"]}, {"preview": True, "reason": "x" * 501}, {"preview": True, "now": 1}],
)
def test_cancel_refuses_what_it_cannot_read(ana, subscription, body):
    assert Api(ana).post(f"subscriptions/{subscription.pk}/cancel/", body).status_code == 400


@pytest.mark.parametrize("preview", ["true", "yes", 1, "1", None, []])
def test_what_only_looks_like_a_preview_cancels_nothing(ana, subscription, preview):
    answer = Api(ana).post(f"subscriptions/{subscription.pk}/cancel/", {"preview": preview}, key="k")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "preview")
    assert Subscription.objects.get().state == "active"


def test_a_retry_of_a_cancel_that_died_gets_what_it_did(ana, subscription, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(lines, "send_refunds", Mock(side_effect=SystemExit))
        with pytest.raises(SystemExit):
            Api(ana).post(f"subscriptions/{subscription.pk}/cancel/", {"reason": "x"}, key="k")
    again = Api(ana).post(f"subscriptions/{subscription.pk}/cancel/", {"reason": "x"}, key="k")
    assert (again.status_code, again["Idempotent-Replayed"], again.json()["direction"]) == (200, "true", "refund")
    assert (again.json()["total"]["amount"], again.json()["subscription"]["state"]) == ("19.98", "disabled")
    other = Api(ana).post(f"subscriptions/{subscription.pk}/cancel/", {"reason": "x"}, key="another")
    assert (other.status_code, other.json()["code"]) == (409, "subscription_inactive")


def test_admins_who_may_end_purchases_of_others_do(admin, subscription):
    assert Api(admin).post(f"subscriptions/{subscription.pk}/cancel/", {"reason": "Stop"}, key="k").status_code == 200


@pytest.mark.parametrize(
    ("action", "body"),
    [("cancel/", {"reason": "x"}), ("cancel/", {"preview": True}), ("auto-renew/", {"auto_renew": False})],
)
def test_others_end_nothing(ana, subscription, action, body):
    reader = Api(MembershipFactory(tenant=ana.tenant, roles=["global_reader"]))
    answer = reader.post(f"subscriptions/{subscription.pk}/{action}", body, key="k")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    for who in (MembershipFactory(tenant=ana.tenant), MembershipFactory(roles=["global_admin"])):
        assert Api(who).post(f"subscriptions/{subscription.pk}/{action}", body, key="k").status_code == 404
    narrow = Api(ana, scopes=("purchases:read",)).post(f"subscriptions/{subscription.pk}/{action}", body, key="k")
    assert narrow.json()["code"] == "insufficient_scope"
    assert (Subscription.objects.get().state, Subscription.objects.get().auto_renew) == ("active", True)
