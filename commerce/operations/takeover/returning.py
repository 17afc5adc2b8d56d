"""What goes back to who paid for what is taken over: shown before, written to them, and moved when it is settled."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commerce import money
from commerce.models import Refund, RefundReason, TakeOver
from commerce.operations.changes import lines
from commerce.operations.changes.lines import Held
from commerce.operations.changes.quotes import Position
from licensing.models import Subscription


def since(subscription: Subscription, moment: datetime, *, refunds: bool) -> list[Position]:
    """Every line that pays for a time after a moment; where nothing goes back of it, it says why."""
    held = lines.after(subscription, since=moment, refunds=refunds)
    return [line.giving_back(line.line.seats_left, at=moment) for line in held]


def unused(held: TakeOver) -> list[Position]:
    """What is not used of the term from the take-over on, as far as money goes back for it."""
    return _unused(held, lines.after(held.subscription, since=held.started_at, refunds=True))


def unused_of_each(take_overs: Sequence[TakeOver]) -> dict[UUID, list[Position]]:
    """As `unused`, of many, in a fixed number of queries."""
    earliest = min(held.started_at for held in take_overs)
    found = lines.after_each([held.subscription for held in take_overs], since=earliest, refunds=True)
    return {held.pk: _unused(held, found.get(held.subscription_id, ())) for held in take_overs}


def _unused(held: TakeOver, found: Iterable[Held]) -> list[Position]:
    later = [each for each in found if each.line.ends_at is not None and each.line.ends_at > held.started_at]
    back = [each.giving_back(each.line.seats_left, at=held.started_at) for each in later]
    # What the organisation has paid itself is not given back to it.
    return [line for line in back if line.total and not (line.order and line.order.pk == held.order_id)]


def when_settled(held: TakeOver) -> list[Position]:
    """What its settlement is about; of an adopted one only where the organisation takes on the rest of the term."""
    if held.reimburse:
        return unused(held)
    return since(held.subscription, held.started_at, refunds=held.refunds) if held.ends_it else []


def given(held: TakeOver) -> tuple[Decimal, Decimal]:
    """What went back when it was settled: without its tax, and the tax."""
    if held.closed_at is None:
        return money.ZERO, money.ZERO
    refunds = Refund.objects.promises().filter(
        order__subscription=held.subscription_id, reason=RefundReason.TAKEN_OVER, created_at=held.closed_at
    )
    rows = list(refunds.values_list("amount", "tax"))
    tax = sum((tax for _amount, tax in rows), money.ZERO)
    return sum((amount for amount, _tax in rows), money.ZERO) - tax, tax
