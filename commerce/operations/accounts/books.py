"""The provider's books beside our rows, window by window: the same questions for any number of things."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice, pairwise
from typing import TypeVar
from uuid import UUID

from django.db.models import Max, Min, Model, Q, QuerySet

from commerce import money
from commerce.gateways.protocol import (
    BookEntry,
    Charge,
    DisputeReport,
    Gateway,
    Kind,
    Outcome,
    RefundAnswer,
    RefundOutcome,
)
from commerce.models import (
    Difference,
    DifferenceKind,
    Dispute,
    DisputeState,
    Payment,
    Refund,
    Resolution,
)
from commerce.operations.accounts import comparison
from commerce.operations.accounts.comparison import Found

AT_ONCE = 500
# A provider tells long windows in parts, so that none of them fills the memory.
PART = timedelta(days=30)
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

# The key of what somebody else made there.
NOBODY = UUID(int=0)

Window = tuple[datetime, datetime]
Thing = TypeVar("Thing")
Row = TypeVar("Row", bound=Model)


@dataclass
class _Seen:
    """What the books had, to know in the end what they do not have."""

    payments: set[UUID] = field(default_factory=set)
    refunds: set[UUID] = field(default_factory=set)
    disputes: set[str] = field(default_factory=set)
    # Charges of nobody here, and what went back of them.
    strangers: list[Charge] = field(default_factory=list)
    given_back: dict[UUID, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


def everything(gateway: Gateway) -> list[Window]:
    """All that a provider's books may have, in parts."""
    rows = Payment.objects.filter(gateway=gateway.name).aggregate(first=Min("started_at"), last=Max("started_at"))
    first, last = rows["first"], rows["last"]
    return [(FIRST, first), *parts(first, last), (last, LAST)] if first else [(FIRST, LAST)]


def parts(since: datetime, until: datetime) -> list[Window]:
    edges = [since]
    while edges[-1] + PART < until:
        edges.append(edges[-1] + PART)
    return list(pairwise([*edges, until]))


def compare(gateway: Gateway, windows: Sequence[Window], *, settled_by: datetime | None = None) -> Iterator[Found]:
    """
    What stands otherwise there than here, of windows that follow one another. What is in progress here is left alone
    unless it began before `settled_by`.

    :raises GatewayUnavailable: in the middle of it, too
    """
    seen = _Seen()
    for since, until in windows:
        for entries in _batches(gateway.books(since, until)):
            yield from _there(gateway, entries, seen, settled_by)
    yield from _strangers(gateway, seen)
    yield from _here(gateway, (windows[0][0], windows[-1][1]), seen, settled_by)


class GivenBack:
    """What the books say went back of each charge since a moment: read once, when it is first asked."""

    def __init__(self, gateway: Gateway, *, since: datetime) -> None:
        self._gateway, self._since = gateway, since
        self._read: Mapping[UUID, Decimal] | None = None

    def of(self, charge: Charge) -> Decimal:
        """:raises GatewayUnavailable:"""
        if self._read is None:
            self._read = self._all()
        return self._read.get(charge.key, money.ZERO)

    def _all(self) -> Mapping[UUID, Decimal]:
        back: dict[UUID, Decimal] = defaultdict(Decimal)
        for entry in self._gateway.books(self._since, LAST):
            if isinstance(entry.found, RefundAnswer) and entry.found.outcome != RefundOutcome.FAILED:
                back[entry.found.charge_key] += entry.found.amount
        return back


def _there(gateway: Gateway, entries: Sequence[BookEntry], seen: _Seen, settled_by: datetime | None) -> Iterator[Found]:
    found = [entry.found for entry in entries]
    keys = {thing.key if isinstance(thing, Charge) else thing.charge_key for thing in found}
    payments = Payment.objects.filter(gateway=gateway.name).select_related("tenant").in_bulk(list(keys))
    yield from _charges([thing for thing in found if isinstance(thing, Charge)], payments, seen, settled_by)
    yield from _refunds([thing for thing in found if isinstance(thing, RefundAnswer)], payments, seen)
    yield from _disputes([thing for thing in found if isinstance(thing, DisputeReport)], payments, seen)


def _charges(
    charges: Sequence[Charge], payments: Mapping[UUID, Payment], seen: _Seen, settled_by: datetime | None
) -> Iterator[Found]:
    for charge in charges:
        payment = payments.get(charge.key)
        if payment is None and charge.outcome == Outcome.CAPTURED:
            seen.strangers.append(charge)
        if payment is not None:
            seen.payments.add(payment.pk)
            found = comparison.of_charge(payment, charge, settled_by=settled_by)
            if found:
                yield found


def _refunds(answers: Sequence[RefundAnswer], payments: Mapping[UUID, Payment], seen: _Seen) -> Iterator[Found]:
    known = [answer for answer in answers if answer.charge_key in payments]
    of_these = Q(pk__in=[answer.key for answer in known]) | Q(
        gateway_ref__in=[a.reference for a in known if a.reference]
    )
    rows = Refund.objects.filter(of_these, payment__in=list(payments)).select_related("payment__tenant", "order")
    here = list(rows) if known else []
    for answer in answers:
        seen.refunds.add(answer.key)
        if answer.outcome != RefundOutcome.FAILED:
            seen.given_back[answer.charge_key] += answer.amount
        payment = payments.get(answer.charge_key)
        if payment is None:
            continue
        own = [row for row in here if row.pk == answer.key or (row.gateway_ref and row.gateway_ref == answer.reference)]
        found = comparison.of_refund(answer, payment, own)
        if found:
            yield found


def _disputes(reports: Sequence[DisputeReport], payments: Mapping[UUID, Payment], seen: _Seen) -> Iterator[Found]:
    here = {row.gateway_ref: row for row in Dispute.objects.filter(gateway_ref__in=[r.reference for r in reports])}
    for report in reports:
        seen.disputes.add(report.reference)
        payment = payments.get(report.charge_key)
        found = comparison.of_dispute(report, payment, here.get(report.reference)) if payment else None
        if found:
            yield found


def _strangers(gateway: Gateway, seen: _Seen) -> Iterator[Found]:
    """Charges of nobody here that were not given back: by hand, or by an earlier repair."""
    repaired = Difference.objects.filter(
        gateway=gateway.name, kind=DifferenceKind.UNKNOWN_CHARGE, resolution=Resolution.REPAIRED
    )
    done = set(repaired.values_list("reference", flat=True)) if seen.strangers else set()
    for charge in seen.strangers:
        is_back = charge.key != NOBODY and seen.given_back[charge.key] >= charge.amount
        if charge.reference not in done and not is_back:
            yield comparison.of_stranger(charge)


def _here(gateway: Gateway, window: Window, seen: _Seen, settled_by: datetime | None) -> Iterator[Found]:
    """What the books should have had. At the edges of a window it may stand beside it: so each is asked about alone."""
    since, until = window
    payments = Payment.objects.filter(gateway=gateway.name, captured__gt=0, started_at__gte=since, started_at__lt=until)
    for payment in _unseen(payments.select_related("tenant"), seen.payments):
        found = comparison.of_charge(payment, gateway.find(payment.pk), settled_by=settled_by)
        if found:
            yield found
    refunds = Refund.objects.filter(payment__gateway=gateway.name, created_at__gte=since, created_at__lt=until)
    sent = refunds.filter(comparison.must_be_there(settled_by)).select_related("payment__tenant", "order")
    for refund in _unseen(sent, seen.refunds):
        if gateway.find_refund(refund.pk) is None:
            yield comparison.of_missing_refund(refund)
    open_ones = Dispute.objects.filter(payment__gateway=gateway.name, state=DisputeState.OPEN)
    for dispute in open_ones.exclude(gateway_ref__in=seen.disputes).select_related("payment__tenant"):
        report = gateway.fetch(Kind.DISPUTE, dispute.gateway_ref)
        found = comparison.of_dispute(report, dispute.payment, dispute) if isinstance(report, DisputeReport) else None
        if found:
            yield found


def _unseen(rows: QuerySet[Row], seen: set[UUID]) -> Iterator[Row]:
    keys = [key for key in rows.values_list("pk", flat=True).iterator() if key not in seen]
    for batch in _batches(iter(keys)):
        yield from rows.filter(pk__in=batch).order_by("pk")


def _batches(things: Iterator[Thing]) -> Iterator[list[Thing]]:
    while batch := list(islice(things, AT_ONCE)):
        yield batch
