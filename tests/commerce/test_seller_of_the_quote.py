"""Who bills is fixed with the tax in the quote, and not by what the operator says of the market before it is paid."""

from datetime import timedelta

import pytest

from commerce.models import Checkout, Invoice, Order, Seller
from commerce.operations.billing import sellers
from commerce.operations.buying import checkouts
from licensing.operations import lifecycle
from tenants.access import SYSTEM
from tests.commerce.changes import STEP_CARD, change, reactivate
from tests.commerce.conftest import all_is_well
from tests.factories import (
    NOON,
    MembershipFactory,
    TaxRateFactory,
    acting,
    agree,
    buy,
    confirm,
    open_checkout,
    order_centrally,
    pay,
    plan_on_sale,
    price_centrally,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def greta():
    """A buyer in Germany, whose organisation has a tax number."""
    return MembershipFactory(
        tenant__country="DE", tenant__tax_number="DE136695976", roles=["billing_admin"], user__email="greta@de.example"
    )


@pytest.fixture
def plan():
    TaxRateFactory(country="DE", rate="0.19", reverse_charge=True)
    return plan_on_sale("8.40", "EUR", "DE")


def germany_gets_a_seller_of_its_own():
    told = {"slug": "de", "prefix": "SWD", "name": "Seatwise GmbH", "country": "DE", "address": "", "tax_id": ""}
    sellers.save_seller(**told, markets=["DE"], by=SYSTEM, at=NOON)


def numbers():
    return list(Invoice.objects.order_by("issued_at", "pk").values_list("number", "reverse_charge"))


def test_the_seller_of_the_quote_bills_with_its_own_numbers_and_tax(greta, plan):
    checkout = open_checkout(greta, plan)
    germany_gets_a_seller_of_its_own()
    pay(checkout)
    assert Order.objects.get().seller == checkout.seller == Seller.objects.get(is_default=True)
    pay(open_checkout(greta, plan, at=NOON + timedelta(minutes=1)), at=NOON + timedelta(minutes=1))
    assert numbers() == [("SW-2026-000001", True), ("SWD-2026-000001", False)]
    assert all_is_well()


def test_a_quote_from_before_that_was_kept_is_billed_by_whoever_bills_the_market(greta, plan):
    checkout = open_checkout(greta, plan)
    Checkout.objects.update(seller=None)
    germany_gets_a_seller_of_its_own()
    pay(checkout)
    assert Order.objects.get().seller is None
    assert [number for number, _tax in numbers()] == ["SWD-2026-000001"]


def test_a_charge_that_waits_for_the_bank_keeps_its_seller(greta, plan):
    checkout = open_checkout(greta, plan)
    pay(checkout, STEP_CARD)
    germany_gets_a_seller_of_its_own()
    confirm(checkout)
    assert numbers() == [("SW-2026-000001", True)]


def test_more_seats_and_another_term_are_quoted_anew(greta, plan):
    subscription, by = buy(greta, plan, 2), acting(greta)
    germany_gets_a_seller_of_its_own()
    change(subscription, 3, at=NOON + timedelta(days=1), by=by)
    lifecycle.advance_due(at=subscription.term_end)
    reactivate(subscription, subscription.term_end, by=by)
    german = [seller.slug for seller in (order.seller for order in Order.objects.order_by("created_at"))]
    assert german == ["seatwise", "de", "de"]
    assert numbers() == [("SW-2026-000001", True), ("SWD-2026-000001", False), ("SWD-2026-000002", False)]


def test_so_is_what_the_organisation_buys_itself(greta, plan):
    price_centrally(plan, "8.00", "EUR")
    germany_gets_a_seller_of_its_own()
    by_invoice = order_centrally(greta, plan, agreement=agree(greta.tenant, currency="EUR"))
    by_card = order_centrally(greta, plan, payment_method="pm_card_visa")
    assert [order.seller.slug for order in (by_invoice, by_card)] == ["de", "de"]
    assert [number for number, _tax in numbers()] == ["SWD-2026-000001", "SWD-2026-000002"]


def test_the_same_link_leads_to_a_new_quote_once_another_seller_bills(greta, plan):
    def followed():
        return checkouts.resume_or_open_checkout(plan=plan, quantity=2, by=acting(greta), at=NOON)

    first = followed()
    assert followed() == first
    Seller.objects.create(slug="ie", prefix="SWI", name="Seatwise Ltd", country="IE").markets.create(country="DE")
    second = followed()
    assert (second.seller.slug, second.reverse_charge) == ("ie", True)
    assert followed() == second
