"""Which rows are facts that the ledger must have, by kind of movement, and posting those that it does not have yet."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

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
    """`due`: the rows of which a movement must be there. `postable`: those of which one may be, where they are more."""

    kind: MovementKind
    due: Callable[[], QuerySet[Any]]
    may_be: Callable[[], QuerySet[Any]] | None = None

    def postable(self) -> QuerySet[Any]:
        return self.may_be() if self.may_be else self.due()

    def unposted(self) -> QuerySet[Any]:
        return self.due().exclude(_has(self.kind))


def _has(kind: MovementKind) -> Exists:
    return Exists(Movement.objects.filter(kind=kind, source=OuterRef("pk")))


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
    Fact(kind=MovementKind.ORDER_BILLED, due=lambda: Order.objects.granted().filter(total__gt=0)),
    Fact(kind=MovementKind.CAPTURED, due=_captured(PaymentState.SUCCEEDED)),
    Fact(kind=MovementKind.SURPLUS_CAPTURED, due=_captured(PaymentState.SURPLUS)),
    Fact(kind=MovementKind.SET_ASIDE_CAPTURED, due=_captured(PaymentState.SET_ASIDE)),
    Fact(kind=MovementKind.CREDITED, due=lambda: Refund.objects.filter(payment=None)),
    Fact(kind=MovementKind.REFUND_PROMISED, due=_promised(PaymentState.SUCCEEDED)),
    Fact(kind=MovementKind.SET_ASIDE_RELEASED, due=_promised(PaymentState.SET_ASIDE)),
    Fact(
        kind=MovementKind.REFUND_SENT,
        due=_refunds(RefundState.SUCCEEDED),
        # One that came back was sent before.
        may_be=_refunds(RefundState.SUCCEEDED, RefundState.FAILED),
    ),
    Fact(
        kind=MovementKind.REFUND_RETURNED,
        due=lambda: _refunds(RefundState.FAILED)().filter(_has(MovementKind.REFUND_SENT)),
    ),
    Fact(
        kind=MovementKind.DISPUTE_OPENED,
        due=_disputes(DisputeState.OPEN, DisputeState.WON),
        # When it is lost it may have grown by what was promised to the card; until then there was nothing to take.
        may_be=_disputes(*DisputeState),
    ),
    Fact(kind=MovementKind.DISPUTE_WON, due=_disputes(DisputeState.WON)),
    Fact(kind=MovementKind.DISPUTE_LOST, due=_disputes(DisputeState.LOST)),
)


def unposted() -> Iterator[tuple[MovementKind, Any]]:
    """Every fact that the ledger does not have."""
    for fact in FACTS:
        for row in fact.unposted().order_by("pk").iterator():
            yield fact.kind, row
