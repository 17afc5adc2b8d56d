"""What becomes of a central purchase and its invoice when its seats change or it ends."""

from decimal import Decimal

import pytest
from django.utils import timezone

from commerce.models import Invoice, Order
from licensing.models import Subscription
from tests import ledger
from tests.callers import Api
from tests.commerce.conftest import all_is_well
from tests.factories import MembershipFactory, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def bill(tenant):
    return MembershipFactory(tenant=tenant, roles=["billing_admin"])


@pytest.fixture
def bought(bill, plan):
    """Three seats on an agreement, for USD 26.97, bought just now."""
    return buy_centrally(bill, plan, 3, at=timezone.now())


def send(who, bought, action, key="k", **body):
    answer = Api(who).post(f"subscriptions/{bought.pk}/{action}/", body, key=key)
    assert answer.status_code == 200, answer.content
    return answer.json()


def pay(who, invoice, key="pay"):
    return Api(who).post(f"invoices/{invoice.pk}/pay/", {"payment_method": "pm_card_visa"}, key=key)


def test_more_seats_are_billed_on_the_agreement(bill, bought):
    send(bill, bought, "quantity", quantity=5)
    assert Subscription.objects.get().quantity == 5
    assert [order.state for order in Order.objects.order_by("created_at")] == ["invoiced", "invoiced"]
    assert ledger.captured() == []
    for number, invoice in enumerate(Invoice.objects.all()):
        assert pay(bill, invoice, f"{number}").status_code == 200
    assert all_is_well()


def test_fewer_seats_lower_what_is_due(bill, bought):
    send(bill, bought, "quantity", quantity=2)
    invoice = Invoice.objects.with_lines().get(kind="invoice")
    assert Decimal("17.98") <= invoice.amount_due < Decimal("18.10")
    assert pay(bill, invoice).status_code == 200
    assert ledger.captured() == [invoice.amount_due]
    assert all_is_well()


def test_canceled_at_once_nothing_is_left_to_pay(bill, bought):
    send(bill, bought, "cancel")
    assert Subscription.objects.get().state == "disabled"
    invoice = Invoice.objects.with_lines().get(kind="invoice")
    assert invoice.amount_due < Decimal("0.10")
    assert ledger.captured() == ledger.refunded() == []
    assert all_is_well()


def test_canceled_after_it_was_paid_the_card_gets_it_back(bill, bought):
    assert pay(bill, Invoice.objects.get()).status_code == 200
    send(bill, bought, "cancel")
    assert Subscription.objects.get().state == "disabled"
    [back] = ledger.refunded()
    assert Decimal("26.80") < back <= Decimal("26.97")
    assert all_is_well()


@pytest.mark.parametrize("role", ["license_admin", "user_admin", "global_reader"])
def test_nobody_changes_it_who_does_not_buy(tenant, bought, role):
    api = Api(MembershipFactory(tenant=tenant, roles=[role]))
    for action, body in (
        ("quantity", {"quantity": 5}),
        ("cancel", {}),
        ("reactivate", {}),
        ("auto-renew", {"auto_renew": False}),
    ):
        answer = api.post(f"subscriptions/{bought.pk}/{action}/", body, key=action)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), action
    assert (Subscription.objects.get().quantity, Order.objects.count()) == (3, 1)
