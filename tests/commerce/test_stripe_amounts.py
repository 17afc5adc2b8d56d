"""Amounts in Stripe's minor units, which are not always the currency's own: https://docs.stripe.com/currencies"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce import money
from commerce.gateways.stripe.amounts import AmountNotSupported, from_minor, to_minor


@pytest.mark.parametrize(
    "amount, currency, minor",
    [
        ("9.99", "USD", 999),
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1.250", "KWD", 1250),
        ("5", "ISK", 500),
        ("5", "UGX", 500),
        ("1234.56", "HUF", 123456),
        ("100.01", "TWD", 10001),
        # Without digits for CLDR, with two for Stripe.
        ("100", "RSD", 10000),
        ("1000", "MGA", 1000),
    ],
)
def test_each_currency_is_written_with_stripes_digits(amount, currency, minor):
    assert to_minor(Decimal(amount), currency) == minor
    assert from_minor(minor, currency) == Decimal(amount)


@pytest.mark.parametrize(
    "amount, currency",
    [
        ("0", "USD"),
        ("-1", "USD"),
        ("9.999", "USD"),
        ("0.5", "JPY"),
        ("1.234", "KWD"),
        ("5.50", "ISK"),
        ("0.01", "UGX"),
    ],
)
def test_what_cannot_be_written_exactly_is_refused_and_never_rounded(amount, currency):
    with pytest.raises(AmountNotSupported):
        to_minor(Decimal(amount), currency)


@given(st.sampled_from(["USD", "EUR", "JPY", "KWD", "ISK", "UGX", "RSD", "CLP"]), st.integers(1, 99_999_999))
def test_there_and_back_is_the_same(currency, units):
    amount = units * money.smallest(currency)
    try:
        minor = to_minor(amount, currency)
    except AmountNotSupported:
        assert currency == "KWD"
        assert units % 10
    else:
        assert from_minor(minor, currency) == amount
