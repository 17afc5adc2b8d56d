"""A quote as its order keeps it, and back: each position is a line."""

from commerce.models import Order, OrderKind, OrderLine
from commerce.models.order import GRANTED
from commerce.operations.changes.quotes import Direction, Position, Quote, Why
from commerce.proration import Part
from commerce.tax import TaxTerms
from licensing.models import Subscription


def quote_of(order: Order, subscription: Subscription) -> Quote:
    """What was quoted for an order when it was placed."""
    positions = tuple(_as_placed(line, order) for line in order.lines.select_related("plan__product").order_by("pk"))
    seats = max(line.quantity for line in positions) if order.kind == OrderKind.SEATS else 0
    before = subscription.quantity - (seats if order.state in GRANTED else 0)
    return Quote(
        subscription=subscription,
        direction=Direction.CHARGE,
        lines=positions,
        currency=order.currency,
        terms=TaxTerms.of(order),
        before=before,
        after=before + seats,
        takes_effect_at=positions[0].starts_at,
        as_of=order.created_at,
        anchor_at=order.anchor_at,
    )


def as_line(position: Position) -> OrderLine:
    is_whole = position.part.seconds == position.part.of
    return OrderLine(
        plan=position.plan,
        quantity=position.quantity,
        unit_price=position.unit_price,
        amount=position.amount,
        tax=position.tax,
        part_seconds=None if is_whole else position.part.seconds,
        term_seconds=None if is_whole else position.part.of,
        starts_at=position.starts_at,
        ends_at=position.ends_at,
    )


def _as_placed(line: OrderLine, order: Order) -> Position:
    starts_at, ends_at = line.starts_at or order.created_at, line.ends_at or order.created_at
    whole = Part.whole(start=starts_at, end=ends_at)
    is_part = line.part_seconds is not None and line.term_seconds is not None
    if order.kind == OrderKind.SEATS:
        why = Why.REST_OF_TERM if starts_at <= order.created_at else Why.NEXT_TERM
    elif order.kind == OrderKind.ALIGNMENT:
        why = Why.ALIGNED
    elif order.kind == OrderKind.REIMBURSEMENT:
        why = Why.TAKES_ON
    else:
        why = Why.NEXT_TERM if starts_at < order.created_at else Why.NEW_TERM
    return Position(
        plan=line.plan,
        quantity=line.quantity,
        unit_price=line.unit_price,
        currency=order.currency,
        starts_at=starts_at,
        ends_at=ends_at,
        part=Part(seconds=line.part_seconds or 0, of=line.term_seconds or 0) if is_part else whole,
        amount=line.amount,
        tax=line.tax,
        tax_inclusive=line.tax_inclusive,
        why=why,
    )
