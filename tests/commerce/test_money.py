from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce import money

currencies = st.sampled_from(["USD", "JPY", "KWD"])
START = datetime(2026, 1, 31, 9, tzinfo=UTC)
MONTH = datetime(2026, 2, 28, 9, tzinfo=UTC)


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


@given(amounts(), st.integers(0, 28 * 24 * 3600))
def test_the_unused_part_is_never_more_than_was_paid_and_falls_with_time(amount, seconds):
    paid, currency = amount
    at = START + timedelta(seconds=seconds)
    part = money.unused_part(paid, currency, start=START, end=MONTH, at=at)
    later = money.unused_part(paid, currency, start=START, end=MONTH, at=at + timedelta(hours=1))
    assert 0 <= later <= part <= paid
    assert money.is_exact(part, currency)


def test_the_unused_part_outside_the_period():
    paid = Decimal("9.99")
    before = money.unused_part(paid, "USD", start=START, end=MONTH, at=START - timedelta(days=1))
    after = money.unused_part(paid, "USD", start=START, end=MONTH, at=MONTH + timedelta(days=1))
    assert (before, after) == (paid, 0)


@pytest.mark.parametrize(
    "paid, currency, part", [("10.00", "USD", "5.00"), ("1001", "JPY", "501"), ("1.251", "KWD", "0.626")]
)
def test_half_of_the_time_is_half_of_the_money_to_the_minor_unit(paid, currency, part):
    half = START + (MONTH - START) / 2
    assert money.unused_part(Decimal(paid), currency, start=START, end=MONTH, at=half) == Decimal(part)


@pytest.mark.parametrize("country, currency", [("US", "USD"), ("DE", "EUR"), ("SE", "SEK"), ("XK", "EUR")])
def test_knows_a_countrys_currency(country, currency):
    assert money.local_currency(country) == currency
