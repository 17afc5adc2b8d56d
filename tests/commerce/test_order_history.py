"""What an order's history tells beside its charges: credits on open invoices, and money that was set aside."""

import re
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Invoice, Order, Payment, Refund
from commerce.operations.paying import refunds, settlement
from licensing.models import Subscription
from tenants.access import SYSTEM
from tests.callers import Api, signed_in
from tests.commerce.changes import STEP_CARD, change
from tests.commerce.test_settlement import charge_for
from tests.factories import MembershipFactory, acting, admin_of, buy, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

HISTORY = 7


@pytest.fixture
def bill(tenant):
    """Who buys for Contoso."""
    return MembershipFactory(tenant=tenant, roles=["billing_admin"], user__email="bill@contoso.example")


@pytest.fixture
def credited(bill, plan):
    """Three seats on an open invoice of USD 26.97, of which one was given back at once."""
    now = timezone.now()
    subscription = buy_centrally(bill, plan, 3, at=now)
    change(subscription, 2, at=now, by=acting(bill))
    return subscription


@pytest.fixture
def in_euros(ana, plan):
    """Seats that were charged in EUR instead of USD: set aside, and given back."""
    now = timezone.now()
    subscription = buy(ana, plan, 2, now)
    change(subscription, 4, at=now, card=STEP_CARD)
    payment = Payment.objects.get(state="requires_action")
    SandboxGateway().answer_step(payment.pk, approve=True)
    wrong = charge_for(payment, currency="EUR", amount=Decimal("17.00"))
    settlement.settle_payment(payment=payment, charge=wrong, at=now)
    payment.refresh_from_db()
    refunds.give_back_set_aside(payment=payment, by=SYSTEM, at=now)
    return subscription


def told(who, subscription):
    return Api(who).get(f"orders/?subscription={subscription.pk}").json()["results"]


def page_of(subscription):
    page = signed_in(admin_of(subscription.tenant, "global_reader").home).get(
        reverse("admin:commerce_purchase_change", args=[subscription.pk])
    )
    assert page.status_code == 200
    return re.sub(r"\s+", " ", page.content.decode())


class TestACreditOnAnOpenInvoice:
    def test_is_told_by_the_api(self, bill, credited):
        [order] = told(bill, credited)
        [credit] = order["credits"]
        assert (credit["amount"], credit["reason"]) == ({"amount": "8.99", "currency": "USD"}, "reduced")
        assert (order["state"], order["payments"]) == ("invoiced", [])
        assert Api(bill).get(f"orders/{order['id']}/").json() == order

    def test_is_no_refund_of_a_card(self, ana, subscription):
        Api(ana).post(f"subscriptions/{subscription.pk}/cancel/", {"reason": ""}, key="k")
        [order] = told(ana, subscription)
        assert order["credits"] == []
        assert len(order["payments"][0]["refunds"]) == 1

    def test_stands_in_the_procurement_view(self, credited):
        page = page_of(credited)
        assert "Credit" in page
        assert "Seats given back within the refund window" in page
        assert "-$8.99" in page or "−$8.99" in page

    def test_stands_on_the_page_of_whoever_owns_it(self, bill, credited):
        Subscription.objects.update(owner=bill)  # as what was handed over
        page = signed_in(bill).get(reverse("my-subscription", args=[credited.pk])).content.decode()
        assert "Billed by invoice" in page
        assert "$8.99 was credited on its invoice." in page


class TestWhatWasSetAside:
    def test_goes_back_in_the_currency_in_which_it_was_taken(self, ana, in_euros):
        aside, _bought = told(ana, in_euros)
        [payment] = aside["payments"]
        assert payment["amount"] == {"amount": "19.98", "currency": "USD"}
        assert payment["captured"] == {"amount": "17.00", "currency": "EUR"}
        assert payment["refunds"][0]["amount"] == {"amount": "17.00", "currency": "EUR"}

    def test_also_in_the_procurement_view(self, in_euros):
        page = page_of(in_euros)
        assert page.count("€17.00") == 4  # its order and its captures, and both again in the history of it
        assert "$17.00" not in page


@pytest.mark.parametrize("orders", [1, 30])
def test_the_count_of_queries_does_not_grow_with_credits(bill, plan, django_assert_num_queries, orders):
    api = Api(bill)
    for _ in range(orders):
        now = timezone.now()
        change(buy_centrally(bill, plan, 2, at=now), 1, at=now, by=acting(bill))
    api.get("orders/")
    with django_assert_num_queries(HISTORY):
        answer = api.get("orders/?page_size=200")
    assert len(answer.json()["results"]) == orders
    assert Refund.objects.filter(payment=None).count() == orders


def test_a_central_invoice_is_to_be_paid_by_the_organisation_and_ones_own_by_oneself(ana, bill, plan, subscription):
    buy_centrally(bill, plan, 2, at=timezone.now())
    central, own = Api(bill).get("invoices/").json()["results"]
    assert central["payer"] is None
    assert own["payer"] == {"email": ana.user.email, "name": ana.name}
    assert (Invoice.objects.count(), Order.objects.count()) == (2, 2)
