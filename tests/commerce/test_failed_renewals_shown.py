"""What people see of a renewal that was not paid: its owner, the API, and procurement."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing.models import Subscription
from tests.admin.pages import PURCHASES, listed, opened
from tests.callers import Api, signed_in
from tests.commerce.declining import buy_with_bad_card
from tests.commerce.renewing import renewal_of, sweep
from tests.factories import MembershipFactory, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def failed(ana, plan):
    """Declined this morning; its term ends today."""
    bought = buy_with_bad_card(ana, plan, 2, timezone.now() - timedelta(days=31, hours=2))
    sweep(timezone.now())
    return Subscription.objects.get(pk=bought.pk)


def page(who, subscription):
    return signed_in(who).get(f"/my/subscriptions/{subscription.pk}/").text


def test_its_owner_reads_why_and_may_use_another_card(ana, failed):
    shown = page(ana, failed)
    assert "Its renewal was not paid" in shown
    assert "The bank declined the charge and gave no reason." in shown
    assert f"/my/subscriptions/{failed.pk}/card/" in shown
    assert "Use another card" in shown


def test_in_grace_it_is_paid_from_there(ana, failed):
    Subscription.objects.update(state="expired", state_ends_at=timezone.now() + timedelta(days=20))
    shown = page(ana, failed)
    assert "In grace until" in shown
    assert "Pay now" in shown
    assert f"/my/subscriptions/{failed.pk}/reactivate/" in shown


def test_nothing_is_said_where_nothing_failed(ana, plan):
    assert "was not paid" not in page(ana, buy(ana, plan, 1, timezone.now()))


def test_the_api_tells_state_code_and_times(ana, failed):
    renewal = renewal_of(failed)
    told = Api(ana).get(f"subscriptions/{failed.pk}/").json()["renewal"]
    assert told == {
        "state": "retrying",
        "next_try_at": renewal.next_try_at.isoformat().replace("+00:00", "Z"),
        "decline_code": "generic_decline",
        "failed_since": renewal.first_failed_at.isoformat().replace("+00:00", "Z"),
    }


def test_the_api_tells_nothing_where_nothing_is_due(ana, plan):
    bought = buy(ana, plan, 1, timezone.now())
    assert Api(ana).get(f"subscriptions/{bought.pk}/").json()["renewal"] is None


def test_a_list_of_them_costs_the_same_for_one_and_for_many(ana, plan, failed):
    api = Api(ana)
    api.get("subscriptions/")
    counts = []
    for many in (0, 10):
        for _number in range(many):
            buy(ana, plan, 1, timezone.now())
        counts.append(queries(lambda: api.get("subscriptions/")))
    assert counts[0] == counts[1]


def test_procurement_finds_and_reads_them(ana, plan, admin, failed):
    fine = buy(MembershipFactory(tenant=ana.tenant), plan, 1, timezone.now())
    browser = signed_in(admin)
    shown = browser.get(listed(PURCHASES) + "?renewal=failed").text
    assert str(failed.pk) in shown
    assert str(fine.pk) not in shown
    of_it = browser.get(opened(PURCHASES, failed)).text
    assert "Payment failed" in of_it
    assert "gave no reason" in of_it


def queries(do):
    with CaptureQueriesContext(connection) as seen:
        do()
    return len(seen)
