"""
Arithmetic of tax on `Decimal` and a currency code. Pure: no Django.

Tax is computed once for each line and rounded to the minor unit; totals are sums of lines and never computed anew.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol, TypedDict
from uuid import UUID

from commerce.money import ZERO, rounded


class Taxed(Protocol):
    """What says how it is taxed: a checkout, an order, an invoice."""

    @property
    def tax_name(self) -> str: ...

    @property
    def tax_rate(self) -> Decimal: ...

    @property
    def tax_inclusive(self) -> bool: ...

    @property
    def reverse_charge(self) -> bool: ...

    @property
    def seller_id(self) -> UUID | None: ...


class TaxedLine(Protocol):
    """A position of an order or an invoice. `amount` is net."""

    @property
    def amount(self) -> Decimal: ...

    @property
    def tax(self) -> Decimal: ...

    @property
    def tax_inclusive(self) -> bool: ...


class TaxFields(TypedDict):
    """The same as the fields of a row to be."""

    tax_name: str
    tax_rate: Decimal
    tax_inclusive: bool
    reverse_charge: bool
    seller_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class TaxTerms:
    """How a charge is taxed: fixed in its quote, so that what was shown is what is charged. `rate` 0.19 is 19 %."""

    name: str = ""
    rate: Decimal = ZERO
    # The price that people see holds the tax already.
    inclusive: bool = False
    # The buyer owes the tax to its own country: none is charged, and the invoice says so.
    reverse_charge: bool = False
    # Who bills, on which the reverse charge depends; None: whoever bills the market by then. Two sellers may tax alike.
    seller_id: UUID | None = field(default=None, compare=False)

    @classmethod
    def of(cls, row: Taxed) -> "TaxTerms":
        """Those that a row was made with."""
        return cls(
            name=row.tax_name,
            rate=row.tax_rate,
            inclusive=row.tax_inclusive,
            reverse_charge=row.reverse_charge,
            seller_id=row.seller_id,
        )

    @property
    def fields(self) -> TaxFields:
        return {
            "tax_name": self.name,
            "tax_rate": self.rate,
            "tax_inclusive": self.inclusive,
            "reverse_charge": self.reverse_charge,
            "seller_id": self.seller_id,
        }


NO_TAX = TaxTerms()


class ByTerms:
    """Says how it is taxed, as an order does."""

    terms: TaxTerms

    @property
    def tax_name(self) -> str:
        return self.terms.name

    @property
    def tax_rate(self) -> Decimal:
        return self.terms.rate

    @property
    def tax_inclusive(self) -> bool:
        return self.terms.inclusive

    @property
    def reverse_charge(self) -> bool:
        return self.terms.reverse_charge

    @property
    def seller_id(self) -> UUID | None:
        return self.terms.seller_id


def split(amount: Decimal, terms: TaxTerms, currency: str) -> tuple[Decimal, Decimal]:
    """
    The net amount and the tax of `amount`, a whole line at the prices that people see.

    With inclusive prices net and tax add up to `amount`; else `amount` is the net, and the tax comes on top.
    """
    if terms.inclusive:
        tax = rounded(amount * terms.rate / (1 + terms.rate), currency)
        return amount - tax, tax
    return amount, rounded(amount * terms.rate, currency)


def as_seen(line: TaxedLine) -> Decimal:
    """A line at the prices that people see, the reverse of `split`: with the tax where they include it."""
    return line.amount + line.tax if line.tax_inclusive else line.amount


def tax_within(part: Decimal, *, left: Decimal, tax_left: Decimal, currency: str) -> Decimal:
    """
    How much of `part`, an amount that goes back, is tax. `left` of the line, tax included, was not given back before,
    `tax_left` of that is tax. The last part takes the rest, so that all parts of a line together give back its tax.
    """
    if not ZERO < part <= left:
        raise ValueError(f"{part} is no part of {left}")
    return rounded(tax_left * part / left, currency)
