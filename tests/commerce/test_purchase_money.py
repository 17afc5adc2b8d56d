"""What lists and pages say a purchase has cost, and until when money goes back for it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.models import Payment, Purchase
from commerce.operations.billing import invoice_payments
from commerce.operations.changes import cancellations
from tests.commerce.changes import DAY, change
from tests.commerce.provider import contested
from tests.factories import NOON, MembershipFactory, acting, buy, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

WINDOW = timedelta(days=7)


def money_of(subscription):
    row = Purchase.objects.with_paid().with_refund_window().get(pk=subscription.pk)
    return row.paid, row.refunded, row.refundable_until


def test_is_what_was_charged_less_what_went_back(ana, plan):
    subscription = buy(ana, plan, 4)
    assert money_of(subscription) == (Decimal("39.96"), 0, NOON + WINDOW)
    change(subscription, 3, at=NOON)
    assert money_of(subscription) == (Decimal("29.97"), Decimal("9.99"), NOON + WINDOW)


def test_counts_the_window_of_an_invoice_from_its_grant_and_not_from_its_payment(tenant, plan):
    buyer = MembershipFactory(tenant=tenant, roles=["billing_admin"])
    subscription = buy_centrally(buyer, plan, 2)
    assert money_of(subscription) == (0, 0, NOON + WINDOW)
    invoice = subscription.orders.get().invoices.get()
    later = NOON + 20 * DAY
    invoice_payments.pay_invoice(
        invoice=invoice, payment_method="pm_card_visa", return_url="http://testserver/", by=acting(buyer), at=later
    )
    assert money_of(subscription) == (Decimal("17.98"), 0, NOON + WINDOW)
    assert not cancellations.preview_cancellation(subscription=subscription, by=acting(buyer), at=later).refunds


def test_counts_neither_what_the_bank_took_nor_a_window_of_it(ana, plan):
    subscription = buy(ana, plan, 2)
    contested(Payment.objects.get())
    subscription.refresh_from_db()
    # As if its access had been bought anew since.
    subscription.state, subscription.held_at = "active", None
    subscription.save()
    assert money_of(subscription) == (0, 0, None)


def test_counts_nothing_of_what_was_captured_in_vain(ana, plan):
    subscription = buy(ana, plan, 2)
    change(subscription, 3, at=NOON)
    Payment.objects.filter(order__kind="seats").update(state="surplus")
    assert money_of(subscription)[0] == Decimal("19.98")
