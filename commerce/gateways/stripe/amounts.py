"""
Amounts as Stripe writes them: whole numbers of its own minor units. Pure.

How many digits those have is Stripe's, not CLDR's: https://docs.stripe.com/currencies#minor-units
"""

from decimal import Decimal

NO_DIGITS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
THREE_DIGITS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# Without fractions since they were reformed, but still written with two digits, which must be 00.
WHOLE_BUT_TWO_DIGITS = frozenset({"ISK", "UGX"})


class AmountNotSupported(Exception):
    """Stripe cannot charge or refund this amount exactly, so it is not asked to."""


def to_minor(amount: Decimal, currency: str) -> int:
    """
    9.99 USD is 999, 500 JPY is 500, 1.250 KWD is 1250, 5 ISK is 500.

    :raises AmountNotSupported: nothing, less than nothing, or finer than Stripe's partners can pay
    """
    minor = amount.scaleb(digits(currency))
    if minor <= 0 or minor % _step(currency):
        raise AmountNotSupported(f"{amount} {currency}")
    return int(minor)


def from_minor(minor: int, currency: str) -> Decimal:
    """The inverse of `to_minor`, of whatever stands at Stripe."""
    return Decimal(minor).scaleb(-digits(currency))


def digits(currency: str) -> int:
    if currency in NO_DIGITS:
        return 0
    return 3 if currency in THREE_DIGITS else 2


def _step(currency: str) -> int:
    if currency in THREE_DIGITS:
        return 10
    return 100 if currency in WHOLE_BUT_TWO_DIGITS else 1
