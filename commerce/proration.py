"""
Arithmetic of parts: of a term, and of a line that is given back seat by seat. Pure: no Django.

Time counts in whole seconds. Money is rounded once, where an amount is charged or given back.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from commerce.money import rounded, smallest
from commerce.tax import tax_within


@dataclass(frozen=True, kw_only=True)
class Part:
    """So many seconds of so many."""

    seconds: int
    of: int

    @classmethod
    def after(cls, at: datetime, *, start: datetime, end: datetime) -> "Part":
        """What is left of [start, end) at a moment."""
        of = int((end - start).total_seconds())
        return cls(seconds=min(max(int((end - at).total_seconds()), 0), of), of=of)

    @classmethod
    def whole(cls, *, start: datetime, end: datetime) -> "Part":
        return cls.after(start, start=start, end=end)

    def taken_of(self, amount: Decimal, currency: str) -> Decimal:
        """This part of an amount, to the minor unit; never more than the amount."""
        return min(rounded(amount * self.seconds / self.of, currency), amount) if self.of else Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Sold:
    """
    A line as it was charged, tax included, and what became of it: of its seats `returned` were given back, of its
    money `left` was not, and of that `tax_left` is tax. `room` is what may still go back where it came from.
    """

    total: Decimal
    quantity: int
    returned: int
    left: Decimal
    tax_left: Decimal
    room: Decimal
    currency: str

    def cost_of(self, count: int) -> Decimal:
        """
        What the last `count` seats that are left were sold for. All seats cost alike, but a remainder that cannot be
        divided was paid with the first ones: so all seats together cost the line, however they are counted.
        """
        last = self.quantity - self.returned
        return self._first(last) - self._first(last - count)

    def given_back(self, count: int, part: Part) -> tuple[Decimal, Decimal]:
        """
        The amount that goes back for the last `count` seats, of which a part is not used, and how much of it is tax.
        """
        amount = min(part.taken_of(self.cost_of(count), self.currency), self.left, self.room)
        if amount <= 0:
            return Decimal(0), Decimal(0)
        return amount, tax_within(amount, left=self.left, tax_left=self.tax_left, currency=self.currency)

    def _first(self, seats: int) -> Decimal:
        unit = smallest(self.currency)
        each, remainder = divmod(int(self.total / unit), self.quantity)
        return (each * seats + min(remainder, seats)) * unit


def charge_for(unit_price: Decimal, quantity: int, part: Part, currency: str) -> Decimal:
    """What a part of a term costs, at the prices that people see."""
    return part.taken_of(unit_price * quantity, currency)
