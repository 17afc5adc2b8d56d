"""More seats and another term under a policy that asks for an approval: refused, and told how to get one."""

import pytest
from django.utils import timezone

from commerce.models import Order
from commerce.operations.buying.ordering import ApprovedOnlyInACheckout
from tests.callers import Api, signed_in
from tests.commerce.changes import change, preview
from tests.commerce.pages import buy_url, url_of
from tests.factories import NOON, MembershipFactory, PolicyFactory, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def asks(ana):
    MembershipFactory(tenant=ana.tenant, roles=["billing_admin"])
    return lambda: PolicyFactory(tenant=ana.tenant, value="approval_required")


def test_more_seats_are_refused_and_nothing_is_charged(ana, plan, asks):
    subscription = buy(ana, plan, 2, NOON)
    asks()
    for act in (preview, change):
        with pytest.raises(ApprovedOnlyInACheckout) as refused:
            act(subscription, 5)
    assert (refused.value.code, refused.value.http_status) == ("purchase_refused", 403)
    assert [reason["code"] for reason in refused.value.extra["reasons"]] == ["approval_required"]
    assert Order.objects.count() == 1


def test_the_api_says_how_to_get_them(ana, plan, asks):
    subscription = buy(ana, plan, 2, timezone.now())
    asks()
    answer = Api(ana).post(f"subscriptions/{subscription.pk}/quantity/", {"quantity": 5}, key="more")
    assert (answer.status_code, answer.json()["code"]) == (403, "purchase_refused")
    assert "Buy them in a new checkout" in answer.json()["detail"]


def test_the_page_says_how_to_get_them(ana, plan, asks):
    subscription = buy(ana, plan, 2, timezone.now())
    asks()
    page = signed_in(ana).get(url_of(subscription, "add-seats"), {"quantity": 3})
    assert "Buy them in a new checkout" in page.text
    assert f'href="{buy_url(plan, 1)}"' in page.text
