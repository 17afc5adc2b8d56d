"""
Arithmetic of money on `Decimal` and a currency code. Pure: no Django.

An aggregate has one currency; its lines have none of their own, so they cannot disagree.
"""

from decimal import ROUND_HALF_UP, Decimal

from babel.numbers import get_currency_precision, get_territory_currencies

ZERO = Decimal(0)


def minor_digits(currency: str) -> int:
    """Digits after the point by ISO 4217 as CLDR has them: USD 2, JPY 0, KWD 3."""
    return get_currency_precision(currency)


def smallest(currency: str) -> Decimal:
    """The minor unit, such as 0.01 for USD."""
    return Decimal(1).scaleb(-minor_digits(currency))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """To the currency's minor unit, halves away from zero: the one place where money is rounded."""
    return amount.quantize(smallest(currency), rounding=ROUND_HALF_UP)


def is_exact(amount: Decimal, currency: str) -> bool:
    """Whether an amount has no digits below the minor unit."""
    return amount == rounded(amount, currency)


def text(amount: Decimal, currency: str) -> str:
    """Plain digits for machines: "9.99", "1000", "1.250"."""
    return str(rounded(amount, currency))


def local_currency(country: str) -> str | None:
    """The currency that is legal tender in a country today by CLDR, or None where CLDR knows none."""
    currencies = get_territory_currencies(country, tender=True)
    return currencies[0] if currencies else None
