"""A take-over as it is read: what it does or did to people, and what it moves of whose money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from commerce import money
from commerce.models import TakeOver
from commerce.operations.changes import quotes
from commerce.operations.changes.quotes import Position
from commerce.operations.pricing import next_charge
from commerce.operations.pricing.next_charge import NextCharge
from commerce.operations.takeover import people, returning, terms
from commerce.operations.takeover.previewing import Preview
from commerce.tax import ByTerms, TaxTerms
from licensing.models import Seat, Subscription
from tenants.directory.models import Membership


@dataclass(frozen=True, kw_only=True)
class Shown(ByTerms):
    """`subtotal` and `tax` go back, or went; `charge` the organisation pays, or paid, for the rest of the term."""

    take_over: TakeOver | None
    mode: str
    subscription: Subscription
    target: Subscription | None
    moved: Sequence[Membership]
    losing: Sequence[Seat]
    lines: Sequence[Position]
    subtotal: Decimal
    tax: Decimal
    charge: Decimal
    currency: str
    next_term: NextCharge | None
    terms: TaxTerms
    refunds: bool
    reimburse: bool
    reason: str
    settles_at: datetime
    as_of: datetime

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax


def of_preview(told: Preview) -> Shown:
    wish = told.wish
    return Shown(
        take_over=None,
        mode=wish.mode,
        subscription=told.subscription,
        target=wish.target,
        moved=told.people.moved,
        losing=told.people.losing,
        lines=told.lines,
        subtotal=told.subtotal,
        tax=told.tax,
        charge=told.charge,
        currency=told.currency,
        next_term=told.next_term,
        terms=told.terms,
        refunds=told.refunds,
        reimburse=wish.reimburse,
        reason=wish.reason,
        settles_at=told.settles_at,
        as_of=told.as_of,
    )


def of_take_over(held: TakeOver) -> Shown:
    """As it stands: what will go back while it is open, and what went once it is settled."""
    subscription = held.subscription
    moved = [row.member for row in held.moved.select_related("member__user").order_by("pk")]
    positions = returning.when_settled(held) if held.is_open else []
    back = _sums(positions) if held.is_open else returning.given(held)
    return Shown(
        take_over=held,
        mode=held.mode,
        subscription=subscription,
        target=held.target,
        moved=moved,
        losing=people.of_end(subscription).losing if held.ends_it and held.is_open else (),
        lines=positions,
        subtotal=back[0],
        tax=back[1],
        charge=_charge(held, positions),
        currency=quotes.currency_of(subscription),
        next_term=None if held.ends_it else next_charge.of(subscription, tenant=subscription.tenant),
        terms=quotes.terms_of(positions),
        refunds=held.refunds,
        reimburse=held.reimburse,
        reason=held.reason,
        settles_at=held.settles_at,
        as_of=held.started_at,
    )


def _sums(positions: Sequence[Position]) -> tuple[Decimal, Decimal]:
    return sum((line.amount for line in positions), money.ZERO), sum((line.tax for line in positions), money.ZERO)


def _charge(held: TakeOver, positions: Sequence[Position]) -> Decimal:
    if held.order is not None:
        return held.order.total
    if not held.reimburse or not held.is_open:
        return money.ZERO
    charged = terms.taken_on(held.subscription, positions, at=held.started_at)
    return sum((line.total for line in charged), money.ZERO)
