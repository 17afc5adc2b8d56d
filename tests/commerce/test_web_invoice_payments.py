"""Paying an open invoice on the pages."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commerce.models import Invoice, Order, PaymentMethod
from tests import ledger
from tests.callers import signed_in
from tests.factories import MembershipFactory, buy, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

VISA, DECLINED, STEP = "pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired"


@pytest.fixture
def bill(tenant):
    return MembershipFactory(tenant=tenant, roles=["billing_admin"])


@pytest.fixture
def invoice(bill, plan):
    """USD 17.98, open."""
    return Invoice.objects.get(order__subscription=buy_centrally(bill, plan, at=timezone.now()))


def url(name, invoice):
    return reverse(name, args=[invoice.pk])


def pay(client, invoice, card=VISA):
    return client.post(url("invoice-pay-now", invoice), {"payment_method": card}, follow=True)


def test_the_invoice_leads_to_its_payment_and_back(bill, invoice):
    client = signed_in(bill)
    assert url("invoice-pay", invoice) in client.get(url("my-invoice", invoice)).text
    page = client.get(url("invoice-pay", invoice)).text
    for said in (f"Pay invoice {invoice.number}", "$17.98", "To be paid by", "Pay now"):
        assert said in page, said
    told = pay(client, invoice)
    assert told.redirect_chain[-1][0] == url("my-invoice", invoice)
    assert f"Invoice {invoice.number} is paid." in told.text
    assert "Pay now" not in told.text
    assert len(ledger.captured()) == 1


def test_another_admin_pays_from_the_procurement_view_and_goes_back_there(tenant, invoice):
    client = signed_in(MembershipFactory(tenant=tenant, roles=["global_admin"]))
    theirs = reverse("admin:commerce_invoice_change", args=[invoice.pk])
    assert url("invoice-pay", invoice) in client.get(theirs).text
    assert pay(client, invoice).redirect_chain[-1][0] == theirs
    assert "Pay now" not in client.get(theirs).text


def test_a_reader_sees_what_is_due_and_cannot_pay(tenant, invoice):
    client = signed_in(MembershipFactory(tenant=tenant, roles=["global_reader"]))
    shown = client.get(reverse("admin:commerce_invoice_change", args=[invoice.pk])).text
    assert "$17.98" in shown
    assert "Pay now" not in shown
    assert client.get(url("invoice-pay", invoice)).status_code == 403
    assert pay(client, invoice).status_code == 403
    assert ledger.captured() == []


def test_a_card_that_was_kept_is_offered_and_pays(bill, invoice, plan):
    client = signed_in(bill)
    pay(client, invoice)
    other = Invoice.objects.get(order__subscription=buy_centrally(bill, plan, 1, at=timezone.now()))
    card = PaymentMethod.objects.get()
    assert str(card) in client.get(url("invoice-pay", other)).text
    pay(client, other, str(card.pk))
    assert {order.state for order in Order.objects.all()} == {"paid"}


def test_a_declined_card_is_said_where_it_is_chosen(bill, invoice):
    client = signed_in(bill)
    told = pay(client, invoice, DECLINED)
    assert "Your card was declined" in told.text
    assert "Your card was declined" not in client.get(url("invoice-pay", invoice)).text
    pay(client, invoice)
    assert Order.objects.get().state == "paid"


def test_what_is_no_card_and_none_at_all(bill, invoice):
    client = signed_in(bill)
    assert "Choose a card" in client.post(url("invoice-pay-now", invoice), {}).text
    assert pay(client, invoice, "pm_nonsense").status_code == 400
    assert Order.objects.get().state == "invoiced"


class TestTheCardholdersStep:
    @pytest.fixture
    def client(self, bill, invoice):
        client = signed_in(bill)
        assert "sandbox" in pay(client, invoice, STEP).redirect_chain[-1][0]
        return client

    def test_is_waited_for(self, client, invoice):
        page = client.get(url("invoice-pay", invoice)).text
        assert "Your bank wants you to confirm" in page
        assert "$17.98" in page

    def test_approved_leads_to_the_invoice(self, client, invoice):
        step = invoice.order.payments.get().action_url
        told = client.post(step, {"decision": "approve"}, follow=True)
        assert f"Invoice {invoice.number} is paid." in told.text

    def test_declined_leads_back_to_the_cards(self, client, invoice):
        step = invoice.order.payments.get().action_url
        told = client.post(step, {"decision": "decline"}, follow=True)
        assert "not confirmed with your bank" in told.text

    def test_given_up_another_card_is_tried(self, client, invoice):
        told = client.post(url("invoice-other-card", invoice), follow=True)
        assert "Pay now" in told.text
        pay(client, invoice)
        assert len(ledger.captured()) == 1


def test_what_is_paid_or_somebody_elses_is_not_paid_here(tenant, ana, bill, invoice, plan):
    buy(ana, plan)
    paid = Invoice.objects.get(payer=ana)
    assert signed_in(ana).get(url("invoice-pay", paid)).headers["Location"] == url("my-invoice", paid)
    assert "This invoice is paid." in pay(signed_in(ana), paid).text
    for who in (ana, MembershipFactory(roles=["global_admin"])):
        assert signed_in(who).get(url("invoice-pay", invoice)).status_code == 404
        assert pay(signed_in(who), invoice).status_code == 404
    assert Client().get(url("invoice-pay", invoice)).headers["Location"].startswith("/sign-in/")
    assert Order.objects.get(channel="central").state == "invoiced"
