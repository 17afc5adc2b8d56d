"""Which rows are facts that the ledger must have, by kind of movement, and posting those that it does not have yet."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from commerce.models import (
    Dispute,
    DisputeState,
    Movement,
    MovementKind,
    Order,
    Payment,
    PaymentState,
    Refund,
    RefundState,
)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """
    `due`: the rows of which a movement must be there. `postable`: those of which one may be, where they are more.
    `moment`: the column that says when a row came to be one, or the columns; each has an index.
    """

    kind: MovementKind
    due: Callable[[], QuerySet[Any]]
    moment: Callable[[datetime], Q]
    may_be: Callable[[], QuerySet[Any]] | None = None

    def postable(self) -> QuerySet[Any]:
        return self.may_be() if self.may_be else self.due()

    def unposted(self, *, since: datetime | None = None) -> QuerySet[Any]:
        """Those that the ledger does not have; of those that came to be since a moment, or of all."""
        due = self.due().filter(self.moment(since)) if since else self.due()
        return due.exclude(_has(self.kind))


def _has(kind: MovementKind) -> Exists:
    return Exists(Movement.objects.filter(kind=kind, source=OuterRef("pk")))


def granted(since: datetime) -> Q:
    return Q(granted_at__gte=since)


def created(since: datetime) -> Q:
    return Q(created_at__gte=since)


def settled(since: datetime) -> Q:
    return Q(settled_at__gte=since)


def _closed(since: datetime) -> Q:
    return Q(closed_at__gte=since)


def _open_or_closed(since: datetime) -> Q:
    # When one was opened is the bank's to say, and may be long before it was heard of here; few are open at a time.
    return Q(state=DisputeState.OPEN) | _closed(since)


def _captured(state: PaymentState) -> Callable[[], QuerySet[Any]]:
    return lambda: Payment.objects.filter(state=state, captured__gt=0)


def _disputes(*states: DisputeState) -> Callable[[], QuerySet[Any]]:
    return lambda: Dispute.objects.filter(state__in=states, amount__gt=0)


def _promised(state: PaymentState) -> Callable[[], QuerySet[Any]]:
    return lambda: Refund.objects.promises().filter(payment__state=state)


def _refunds(*states: RefundState) -> Callable[[], QuerySet[Any]]:
    return lambda: Refund.objects.filter(payment__isnull=False, state__in=states)


# In the order in which they happen to one order.
FACTS: tuple[Fact, ...] = (
    Fact(kind=MovementKind.ORDER_BILLED, moment=granted, due=lambda: Order.objects.granted().filter(total__gt=0)),
    Fact(kind=MovementKind.CAPTURED, moment=settled, due=_captured(PaymentState.SUCCEEDED)),
    Fact(kind=MovementKind.SURPLUS_CAPTURED, moment=settled, due=_captured(PaymentState.SURPLUS)),
    Fact(kind=MovementKind.SET_ASIDE_CAPTURED, moment=settled, due=_captured(PaymentState.SET_ASIDE)),
    Fact(kind=MovementKind.CREDITED, moment=created, due=lambda: Refund.objects.filter(payment=None)),
    Fact(kind=MovementKind.REFUND_PROMISED, moment=created, due=_promised(PaymentState.SUCCEEDED)),
    Fact(kind=MovementKind.SET_ASIDE_RELEASED, moment=created, due=_promised(PaymentState.SET_ASIDE)),
    Fact(
        kind=MovementKind.REFUND_SENT,
        moment=settled,
        due=_refunds(RefundState.SUCCEEDED),
        # One that came back was sent before.
        may_be=_refunds(RefundState.SUCCEEDED, RefundState.FAILED),
    ),
    Fact(
        kind=MovementKind.REFUND_RETURNED,
        moment=settled,
        due=lambda: _refunds(RefundState.FAILED)().filter(_has(MovementKind.REFUND_SENT)),
    ),
    Fact(
        kind=MovementKind.DISPUTE_OPENED,
        moment=_open_or_closed,
        due=_disputes(DisputeState.OPEN, DisputeState.WON),
        # When it is lost it may have grown by what was promised to the card; until then there was nothing to take.
        may_be=_disputes(*DisputeState),
    ),
    Fact(kind=MovementKind.DISPUTE_WON, moment=_closed, due=_disputes(DisputeState.WON)),
    Fact(kind=MovementKind.DISPUTE_LOST, moment=_closed, due=_disputes(DisputeState.LOST)),
)


def unposted(*, since: datetime | None = None) -> Iterator[tuple[MovementKind, Any]]:
    """Every fact that the ledger does not have; of those since a moment, or of all."""
    for fact in FACTS:
        for row in fact.unposted(since=since).order_by("pk").iterator():
            yield fact.kind, row
