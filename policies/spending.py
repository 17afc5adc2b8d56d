"""
What a purchase adds to a spend limit. Pure: no Django.

Months are counted through: year times twelve plus the month, January being 0, in the tenant's own zone.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

MONTHS: dict[str, int] = {"P1M": 1, "P1Y": 12}


@dataclass(frozen=True, kw_only=True)
class Renewals:
    """What is charged again from a month on, every `step` months: for one seat, and for how many."""

    first_month: int
    step: int
    per_seat: Decimal
    quantity: int


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """
    What a purchase would cost: `amount` at once, and its renewals. `subject` is what it is counted under, the checkout
    or the order: what is counted under it already is not counted twice.
    """

    subject: UUID = field(default_factory=uuid4)
    counts_as: str = "self_service"
    amount: Decimal
    currency: str
    renewals: Renewals | None = None

    def adds(self, start: int, end: int) -> Decimal:
        """What it takes of a period that the present month is in."""
        if self.renewals is None:
            return self.amount
        again = occurrences(self.renewals.first_month, self.renewals.step, start, end)
        return self.amount + again * self.renewals.per_seat * self.renewals.quantity


def month_of(moment: datetime) -> int:
    """The month of a moment that is in the tenant's zone already."""
    return moment.year * 12 + moment.month - 1


def period(kind: str, month: int) -> tuple[int, int]:
    """The period that a month is in, from its first month to the first after it."""
    start = month if kind == "month" else month - month % 12
    return start, start + (1 if kind == "month" else 12)


def occurrences(first: int, step: int, start: int, end: int) -> int:
    """How often something that happens in month `first` and every `step` months after it happens in [start, end)."""
    return _before(end, first, step) - _before(start, first, step)


def _before(month: int, first: int, step: int) -> int:
    return max(0, (month - first + step - 1) // step)
