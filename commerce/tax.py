"""
Arithmetic of tax on `Decimal` and a currency code. Pure: no Django.

Tax is computed once for each line and rounded to the minor unit; totals are sums of lines and never computed anew.
"""

from dataclasses import dataclass
from decimal import Decimal

from commerce.money import ZERO, rounded


@dataclass(frozen=True, kw_only=True)
class TaxTerms:
    """How a charge is taxed: fixed in its quote, so that what was shown is what is charged. `rate` 0.19 is 19 %."""

    name: str = ""
    rate: Decimal = ZERO
    # The price that people see holds the tax already.
    inclusive: bool = False
    # The buyer owes the tax to its own country: none is charged, and the invoice says so.
    reverse_charge: bool = False


NO_TAX = TaxTerms()


def split(amount: Decimal, terms: TaxTerms, currency: str) -> tuple[Decimal, Decimal]:
    """
    The net amount and the tax of `amount`, a whole line at the prices that people see.

    With inclusive prices net and tax add up to `amount`; else `amount` is the net, and the tax comes on top.
    """
    if terms.inclusive:
        tax = rounded(amount * terms.rate / (1 + terms.rate), currency)
        return amount - tax, tax
    return amount, rounded(amount * terms.rate, currency)


def tax_within(part: Decimal, *, left: Decimal, tax_left: Decimal, currency: str) -> Decimal:
    """
    How much of `part`, an amount that goes back, is tax. `left` of the line, tax included, was not given back before,
    `tax_left` of that is tax. The last part takes the rest, so that all parts of a line together give back its tax.
    """
    if not ZERO < part <= left:
        raise ValueError(f"{part} is no part of {left}")
    return rounded(tax_left * part / left, currency)
