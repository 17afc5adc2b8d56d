from decimal import Decimal

import pytest
from hypothesis import strategies as st

from commerce import money

currencies = st.sampled_from(["USD", "JPY", "KWD"])


@st.composite
def amounts(draw, currency=currencies):
    code = draw(currency)
    return money.smallest(code) * draw(st.integers(0, 10**9)), code


@pytest.mark.parametrize(
    "currency, digits, unit", [("USD", 2, "0.01"), ("JPY", 0, "1"), ("KWD", 3, "0.001"), ("EUR", 2, "0.01")]
)
def test_knows_the_minor_unit_of_each_currency(currency, digits, unit):
    assert (money.minor_digits(currency), money.smallest(currency)) == (digits, Decimal(unit))


@pytest.mark.parametrize(
    "amount, currency, shown",
    [
        ("9.99", "USD", "9.99"),
        ("9.990", "USD", "9.99"),
        ("1000", "JPY", "1000"),
        ("1E+3", "JPY", "1000"),
        ("1.25", "KWD", "1.250"),
        ("0", "USD", "0.00"),
        ("100000000000.5", "USD", "100000000000.50"),
    ],
)
def test_plain_digits_for_machines(amount, currency, shown):
    assert money.text(Decimal(amount), currency) == shown


@pytest.mark.parametrize(
    "amount, currency, rounded",
    [("0.005", "USD", "0.01"), ("0.0049", "USD", "0.00"), ("0.5", "JPY", "1"), ("-0.005", "USD", "-0.01")],
)
def test_halves_round_away_from_zero(amount, currency, rounded):
    assert money.rounded(Decimal(amount), currency) == Decimal(rounded)


def test_says_what_has_digits_below_the_minor_unit():
    assert money.is_exact(Decimal("9.990"), "USD")
    assert not money.is_exact(Decimal("9.995"), "USD")
    assert not money.is_exact(Decimal("1000.5"), "JPY")


@pytest.mark.parametrize("country, currency", [("US", "USD"), ("DE", "EUR"), ("SE", "SEK"), ("XK", "EUR")])
def test_knows_a_countrys_currency(country, currency):
    assert money.local_currency(country) == currency
