"""The tax of a purchase, from the rate to the invoice: what was shown is what is charged."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError

from commerce.models import Checkout, Invoice, Order, Payment, Seller, TaxRate
from commerce.models.sandbox import SandboxCharge
from commerce.operations.buying import checkouts
from commerce.operations.pricing.taxes import terms_for
from commerce.tax import NO_TAX, TaxTerms
from tests.commerce.conftest import all_is_well
from tests.factories import (
    NOON,
    MembershipFactory,
    TaxRateFactory,
    TenantFactory,
    acting,
    open_checkout,
    pay,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

GERMAN_NUMBER = "DE136695976"


@pytest.fixture
def seller():
    """Who bills every market: of the United States."""
    return Seller.objects.get(is_default=True)


@pytest.fixture
def greta():
    """A buyer in Germany, whose organisation has a tax number."""
    return MembershipFactory(tenant__country="DE", tenant__time_zone="Europe/Berlin", tenant__tax_number=GERMAN_NUMBER)


def money(row):
    return row.subtotal, row.tax, row.total


def amounts(*texts):
    return tuple(map(Decimal, texts))


# --- Which terms apply


def terms(tenant, seller, at=NOON):
    """Billed by that seller, as its row stands now."""
    seller.save()
    return terms_for(tenant=tenant, at=at)


def test_a_country_without_a_rate_is_not_taxed(seller):
    TaxRateFactory(country="FR")
    assert terms(TenantFactory(country="DE"), seller) == NO_TAX


def test_the_version_that_applies_is_the_last_that_has_begun_on_the_organisations_own_date(seller):
    TaxRateFactory(country="NZ", rate="0.125", valid_from=date(1989, 7, 1))
    TaxRateFactory(country="NZ", rate="0.15", valid_from=date(2026, 3, 11))
    tenant = TenantFactory(country="NZ", time_zone="Pacific/Auckland")
    midnight = datetime(2026, 3, 10, 11, tzinfo=UTC)  # of the 11th in Auckland
    assert terms(tenant, seller, midnight - timedelta(seconds=1)).rate == Decimal("0.125")
    assert terms(tenant, seller, midnight).rate == Decimal("0.15")
    assert terms(tenant, seller, datetime(1989, 6, 29, tzinfo=UTC)) == NO_TAX


def test_an_organisation_with_a_number_owes_the_tax_itself_to_a_seller_of_another_country(seller):
    TaxRateFactory(country="DE", name="USt.", rate="0.19", reverse_charge=True)
    tenant = TenantFactory(country="DE", tax_number=GERMAN_NUMBER)
    assert terms(tenant, seller) == TaxTerms(name="USt.", reverse_charge=True)


@pytest.mark.parametrize(
    "said",
    [
        {"reverse_charge": False},
        {"seller": "DE"},
        {"tax_number": ""},
        {"tax_number": "FR40303265045"},
        {"tax_number": "DE136695977"},
        {"country": "US", "tax_number": "12-3456789"},
    ],
    ids=["the rate has none", "the same country", "no number", "of another country", "wrong", "no scheme confirms it"],
)
def test_everybody_else_pays_the_tax(seller, said):
    country = said.get("country", "DE")
    TaxRateFactory(country=country, rate="0.19", reverse_charge=said.get("reverse_charge", True))
    Seller.objects.update(country=said.get("seller", "IE"))
    tenant = TenantFactory(country=country, tax_number=said.get("tax_number", GERMAN_NUMBER))
    seller.refresh_from_db()
    assert terms(tenant, seller) == TaxTerms(name="VAT", rate=Decimal("0.19"))


# --- From the quote to the invoice

RATES = {
    "exclusive": ("DE", "EUR", "8.40", {"rate": "0.19"}, ("25.20", "4.79", "29.99")),  # 4.788
    "inclusive": ("DE", "EUR", "8.40", {"rate": "0.19", "inclusive": True}, ("21.18", "4.02", "25.20")),  # 4.0235…
    "no minor unit": ("JP", "JPY", "1005", {"rate": "0.10"}, ("3015", "302", "3317")),  # 301.5
    "no minor unit, inclusive": ("JP", "JPY", "1000", {"rate": "0.10", "inclusive": True}, ("2727", "273", "3000")),
    "three digits": ("KW", "KWD", "3.350", {"rate": "0.05"}, ("10.050", "0.503", "10.553")),  # 0.5025
    "three digits, inclusive": (
        "KW",
        "KWD",
        "3.350",
        {"rate": "0.05", "inclusive": True},
        ("9.571", "0.479", "10.050"),
    ),
    "reverse charge": ("DE", "EUR", "8.40", {"rate": "0.19", "reverse_charge": True}, ("25.20", "0.00", "25.20")),
    "a rate of zero": ("DE", "EUR", "8.40", {"rate": "0"}, ("25.20", "0.00", "25.20")),
    "no rate": ("DE", "EUR", "8.40", None, ("25.20", "0.00", "25.20")),
}


@pytest.mark.parametrize("country, currency, price, rate, shown", RATES.values(), ids=RATES)
def test_the_total_that_was_shown_is_charged_although_the_rate_changed(country, currency, price, rate, shown):
    if rate:
        TaxRateFactory(country=country, **rate)
    plan = plan_on_sale(price, currency, country)
    buyer = MembershipFactory(tenant__country=country, tenant__tax_number=GERMAN_NUMBER if country == "DE" else "")
    checkout = open_checkout(buyer, plan, 3)
    assert money(checkout) == amounts(*shown)

    TaxRateFactory(country=country, name="Levy", rate="0.5", valid_from=NOON.date())
    TaxRate.objects.filter(name="VAT").delete()
    type(buyer.tenant).objects.filter(pk=buyer.tenant_id).update(tax_number="")
    Seller.objects.update(country=country)
    pay(checkout, at=NOON + timedelta(hours=23))

    order, invoice = Order.objects.get(), Invoice.objects.get()
    assert money(order) == money(invoice) == amounts(*shown)
    assert TaxTerms.of(order) == TaxTerms.of(invoice) == TaxTerms.of(checkout)
    assert Payment.objects.get().captured == Decimal(shown[2])
    charged = SandboxCharge.objects.using("sandbox").get(customer__contains=str(buyer.pk))
    assert (charged.amount, charged.currency) == (Decimal(shown[2]), currency)
    for line in (order.lines.get(), invoice.lines.get()):
        assert (line.amount, line.tax, line.unit_price) == amounts(*shown[:2], price)
    assert all_is_well()


def test_the_next_quote_has_the_new_rate(greta):
    plan = plan_on_sale("8.40", "EUR", "DE")
    first = open_checkout(greta, plan)
    TaxRateFactory(country="DE", rate="0.19", valid_from=NOON.date())
    second = open_checkout(greta, plan)
    assert [row.tax for row in (first, second)] == [Decimal(0), Decimal("3.19")]


def test_the_same_link_leads_to_the_same_quote_until_the_tax_is_another(greta):
    plan = plan_on_sale("8.40", "EUR", "DE")

    def followed():
        return checkouts.resume_or_open_checkout(plan=plan, quantity=2, by=acting(greta), at=NOON)

    untaxed = followed()
    assert followed() == untaxed
    TaxRateFactory(country="DE", rate="0.19", reverse_charge=True)
    reverse = followed()
    assert reverse.reverse_charge
    type(greta.tenant).objects.update(tax_number="")
    greta.refresh_from_db()
    taxed = followed()
    assert (taxed.reverse_charge, taxed.tax) == (False, Decimal("3.19"))
    assert followed() == taxed
    assert Checkout.objects.count() == 3


# --- What the database refuses


@pytest.mark.parametrize(
    "wrong", [{"rate": "1"}, {"rate": "-0.01"}, {"country": "de"}, {"country": "D"}, {"name": ""}], ids=str
)
def test_a_rate_that_cannot_be_is_refused_by_the_database(wrong):
    with pytest.raises(IntegrityError):
        TaxRateFactory(**wrong)


def test_a_country_has_one_version_a_day():
    TaxRateFactory(country="DE", valid_from=NOON.date())
    with pytest.raises(IntegrityError):
        TaxRateFactory(country="DE", rate="0.2", valid_from=NOON.date())
