from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from commerce import amounts as written
from commerce import money
from commerce.tax import NO_TAX, TaxTerms, as_seen, split, tax_within

currencies = st.sampled_from(["USD", "JPY", "KWD"])
rates = st.decimals(0, Decimal("0.9999"), places=4)


def terms(rate, inclusive=False):
    return TaxTerms(name="VAT", rate=Decimal(rate), inclusive=inclusive)


@st.composite
def amounts(draw):
    code = draw(currencies)
    return money.smallest(code) * draw(st.integers(1, 10**11)), code


@pytest.mark.parametrize(
    "price, rate, currency, net, tax",
    [
        ("16.80", "0.19", "EUR", "16.80", "3.19"),  # 3.192
        ("8.45", "0.20", "EUR", "8.45", "1.69"),
        ("0.05", "0.10", "EUR", "0.05", "0.01"),  # 0.005: halves go away from zero
        ("1001", "0.10", "JPY", "1001", "100"),  # 100.1
        ("1005", "0.10", "JPY", "1005", "101"),  # 100.5
        ("3.050", "0.05", "KWD", "3.050", "0.153"),  # 0.1525
    ],
)
def test_tax_on_top_of_the_price(price, rate, currency, net, tax):
    assert split(Decimal(price), terms(rate), currency) == (Decimal(net), Decimal(tax))


@pytest.mark.parametrize(
    "price, rate, currency, net, tax",
    [
        ("11.90", "0.19", "EUR", "10.00", "1.90"),
        ("8.40", "0.19", "EUR", "7.06", "1.34"),  # 1.3411…
        ("1100", "0.10", "JPY", "1000", "100"),
        ("1000", "0.10", "JPY", "909", "91"),  # 90.909…
        ("3.000", "0.05", "KWD", "2.857", "0.143"),  # 0.142857…
    ],
)
def test_tax_within_the_price(price, rate, currency, net, tax):
    assert split(Decimal(price), terms(rate, inclusive=True), currency) == (Decimal(net), Decimal(tax))


@pytest.mark.parametrize("nothing", [NO_TAX, terms(0), terms(0, inclusive=True), TaxTerms(reverse_charge=True)])
def test_without_a_rate_all_is_net(nothing):
    assert split(Decimal("9.99"), nothing, "USD") == (Decimal("9.99"), 0)


@given(amounts(), rates)
def test_inclusive_parts_add_up_to_what_people_see(amount, rate):
    seen, currency = amount
    net, tax = split(seen, terms(rate, inclusive=True), currency)
    assert net + tax == seen == as_seen(SimpleNamespace(amount=net, tax=tax, tax_inclusive=True))
    assert 0 <= tax < seen
    assert money.is_exact(net, currency)
    assert money.is_exact(tax, currency)
    # Half a minor unit at most from the exact share: net times the rate, give or take the rounding.
    assert abs(net * rate - tax) <= money.smallest(currency)


@given(amounts(), rates)
def test_exclusive_tax_is_the_exact_one_to_half_a_minor_unit(amount, rate):
    seen, currency = amount
    net, tax = split(seen, terms(rate), currency)
    assert net == seen == as_seen(SimpleNamespace(amount=net, tax=tax, tax_inclusive=False))
    assert money.is_exact(tax, currency)
    assert abs(net * rate - tax) * 2 <= money.smallest(currency)


@given(currencies, st.integers(1, 10**9), st.integers(0, 10**9), st.lists(st.integers(1, 10**9), max_size=8))
def test_parts_of_a_line_together_give_back_its_tax_and_its_net(currency, units, of_tax, cuts):
    """However a line is refunded: no part gives back more tax or net than is left, and all parts give back all."""
    unit = money.smallest(currency)
    left, tax_left = units * unit, min(of_tax, units) * unit
    parts = [cut * unit for cut in cuts]
    while left:
        part = min(parts.pop() if parts else left, left)
        tax = tax_within(part, left=left, tax_left=tax_left, currency=currency)
        assert money.is_exact(tax, currency)
        assert 0 <= tax <= min(part, tax_left)
        assert part - tax <= left - tax_left
        left, tax_left = left - part, tax_left - tax
    assert tax_left == 0


def test_a_third_of_a_line_holds_a_third_of_its_tax_and_the_last_the_rest():
    first = tax_within(Decimal("3.97"), left=Decimal("11.90"), tax_left=Decimal("1.90"), currency="EUR")
    second = tax_within(Decimal("3.97"), left=Decimal("7.93"), tax_left=Decimal("1.27"), currency="EUR")
    last = tax_within(Decimal("3.96"), left=Decimal("3.96"), tax_left=Decimal("0.63"), currency="EUR")
    assert (first, second, last) == (Decimal("0.63"), Decimal("0.64"), Decimal("0.63"))


@pytest.mark.parametrize("part", ["0", "-1", "10.01"])
def test_what_was_not_paid_is_no_part_of_it(part):
    with pytest.raises(ValueError, match="no part"):
        tax_within(Decimal(part), left=Decimal("10.00"), tax_left=Decimal("1.60"), currency="USD")


def row(terms):
    return SimpleNamespace(**terms.fields)


def test_terms_become_the_fields_of_a_row_and_terms_again():
    fixed = TaxTerms(name="VAT", rate=Decimal("0.19"), inclusive=True)
    assert TaxTerms.of(row(fixed)) == fixed
    assert TaxTerms.of(row(NO_TAX)) == NO_TAX


@pytest.mark.parametrize(
    "terms, language, name, label",
    [
        (terms("0.1900"), "en", "VAT 19%", "VAT 19%"),
        (terms("0.2550", inclusive=True), "en", "VAT 25.5%", "Includes VAT 25.5%"),
        (terms("0.0775"), "de", "VAT 7,75\N{NO-BREAK SPACE}%", "VAT 7,75\N{NO-BREAK SPACE}%"),
        (NO_TAX, "en", "Tax", "Tax"),
    ],
)
def test_a_tax_is_called_by_its_name_and_rate(terms, language, name, label):
    with translation.override(language):
        assert (written.tax_name(row(terms)), written.tax_label(row(terms))) == (name, label)


def test_only_a_reverse_charge_is_explained():
    assert written.tax_note(row(terms("0.19"))) == ""
    told = written.tax_note(row(TaxTerms(name="VAT", reverse_charge=True)))
    assert told == "Reverse charge: the organisation that buys owes the tax (VAT) itself."
