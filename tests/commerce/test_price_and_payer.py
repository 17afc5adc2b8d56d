"""Where a price comes from and what pays are two things: an agreement's price is kept, also when a card pays it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from commerce.models import BillingPeriod, Order, PaymentMethod, PaymentSource
from commerce.operations.buying import agreements
from commerce.operations.changes import reactivations
from commerce.operations.paying import cards, sources
from commerce.operations.pricing.prices import renewal_price
from licensing.operations import lifecycle
from tenants.access import SYSTEM
from tests import ledger
from tests.commerce.changes import DAY, change, findings, fresh, preview, reactivate
from tests.factories import NOON, acting, add_card, order_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

HALF = NOON + 15.5 * DAY
AGREED, LISTED = Decimal("9.00"), Decimal("10.50")


@pytest.fixture
def by_card(bill, office, agreement):
    """Two seats at the agreement's price, paid by card."""
    return order_centrally(bill, office, agreement=agreement, payment_method="pm_card_visa").subscription


@pytest.fixture
def by_invoice(bill, office, agreement):
    return order_centrally(bill, office, agreement=agreement).subscription


def source():
    found = PaymentSource.objects.get()
    return found.agreement, found.payment_method, found.by_invoice


class TestAnAgreementPaidByCard:
    def test_gives_the_price_and_the_card_pays(self, by_card, agreement):
        assert source() == (agreement, PaymentMethod.objects.get(), False)
        assert ledger.captured() == [2 * AGREED]
        assert findings() == []

    def test_keeps_its_price_for_more_seats(self, by_card, bill):
        told = preview(by_card, 4, at=HALF, by=acting(bill))
        done = change(by_card, 4, at=HALF, by=acting(bill))
        assert (done.order.state, done.order.total) == ("paid", told.total)
        assert ledger.captured() == [2 * AGREED, AGREED]  # two more seats for half of the term

    def test_keeps_it_for_the_next_term_whatever_the_list_says(self, by_card, bill, agreement):
        assert renewal_price(by_card) == (AGREED, "USD")
        lifecycle.advance_due(at=by_card.term_end)
        told = reactivations.preview_reactivation(subscription=fresh(by_card), by=acting(bill), at=by_card.term_end)
        done = reactivate(by_card, by_card.term_end, by=acting(bill))
        assert (done.order.state, done.order.total, told.total) == ("paid", 2 * AGREED, 2 * AGREED)
        assert ledger.captured() == [2 * AGREED, 2 * AGREED]
        assert set(BillingPeriod.objects.values_list("unit_price", flat=True)) == {AGREED}
        assert source()[0] == agreement
        assert findings() == []

    def test_takes_a_new_price_of_the_agreement_with_the_next_term(self, by_card, agreement, office):
        terms = {office.pk: Decimal("8.00")}
        agreements.change(agreement=agreement, prices=terms, by=SYSTEM, at=NOON + DAY)
        assert renewal_price(by_card) == (Decimal("8.00"), "USD")

    def test_holds_although_the_agreement_is_never_paid_by_invoice(self, bill, office, agreement):
        agreements.change(agreement=agreement, pay_by_invoice=False, by=SYSTEM, at=NOON)
        bought = order_centrally(bill, office, agreement=agreement, payment_method="pm_card_visa").subscription
        assert renewal_price(bought) == (AGREED, "USD")
        assert source()[2] is False

    def test_another_card_leaves_the_price(self, by_card, bill, agreement):
        another = add_card(bill, "pm_card_refundFail", for_organisation=True).payment_method
        sources.change(subscription=by_card, card=another, by=acting(bill), at=NOON + DAY)
        assert source() == (agreement, another, False)
        change(by_card, 4, at=HALF, card=str(another.pk), by=acting(bill))
        assert source() == (agreement, another, False)
        assert renewal_price(by_card) == (AGREED, "USD")

    def test_is_not_billed_on_credit_when_its_card_is_gone(self, by_card, bill):
        PaymentSource.objects.update(payment_method=None)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            change(by_card, 4, at=HALF, by=acting(bill))
        assert Order.objects.count() == 1


class TestAnAgreementPaidByInvoice:
    def test_pays_by_invoice_at_its_price(self, by_invoice, bill, agreement):
        assert source() == (agreement, None, True)
        change(by_invoice, 4, at=HALF, by=acting(bill))
        assert set(Order.objects.values_list("state", "due_at")) == {
            ("invoiced", NOON + timedelta(days=30)),
            ("invoiced", HALF + timedelta(days=30)),
        }
        assert ledger.captured() == []

    def test_a_card_that_is_chosen_for_it_pays_the_agreements_price(self, by_invoice, bill, agreement):
        card = add_card(bill, for_organisation=True).payment_method
        sources.change(subscription=by_invoice, card=card, by=acting(bill), at=NOON + DAY)
        assert source() == (agreement, card, False)
        lifecycle.advance_due(at=by_invoice.term_end)
        assert reactivate(by_invoice, by_invoice.term_end, by=acting(bill)).order.state == "paid"
        assert ledger.captured() == [2 * AGREED]

    @pytest.mark.parametrize("wrong", ["no agreement", "a card beside it"])
    def test_the_database_knows_one_payer(self, by_invoice, bill, wrong):
        card = add_card(bill, for_organisation=True).payment_method
        with pytest.raises(IntegrityError, match="a_card_pays_or_an_agreement_by_invoice"), transaction.atomic():
            PaymentSource.objects.update(**{"agreement": None} if wrong == "no agreement" else {"payment_method": card})


def test_without_an_agreement_a_card_pays_the_list(bill, office, agreement):
    bought = order_centrally(bill, office, payment_method="pm_card_visa").subscription
    assert source()[0] is None
    assert renewal_price(bought) == (LISTED, "USD")
