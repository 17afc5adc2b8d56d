"""Stripe's own books, page by page, and single lines of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any
from uuid import UUID

from commerce.gateways.protocol import BookEntry, Charge, DisputeReport, Outcome, RefundAnswer
from commerce.gateways.stripe import shapes
from commerce.gateways.stripe.line import Line
from commerce.gateways.stripe.shapes import Shape
from commerce.models.stripe import StripeIntent, StripeRefund

PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Known:
    """Rows of ours by Stripe's ids."""

    intents: dict[str, StripeIntent]
    refunds: dict[str, UUID]

    def key_of_charge(self, thing: Shape) -> UUID:
        """The key of the charge that a refund or a dispute is of; nil where it is none of ours."""
        row = self.intents.get(shapes.intent_in(thing))
        return row.key if row else shapes.NOBODY


Read = Callable[[Shape, Known], Charge | RefundAnswer | DisputeReport | None]


class Books:
    def __init__(self, line: Line) -> None:
        self._line = line
        self._api = line.api

    def refund(self, reference: str) -> RefundAnswer:
        refund = self._api.refunds.retrieve(reference).to_dict()
        return _refund(refund, _known([refund]))

    def dispute(self, reference: str) -> DisputeReport | None:
        dispute = self._api.disputes.retrieve(reference).to_dict()
        return _dispute(dispute, _known([dispute]))

    def between(self, since: datetime, until: datetime) -> Iterator[BookEntry]:
        """Each page is a call of its own, so it may take ten seconds of its own."""
        window = {"created": {"gte": ceil(since.timestamp()), "lt": ceil(until.timestamp())}, "limit": PAGE}
        yield from self._of(self._api.payment_intents, window | {"expand": ["data.payment_method"]}, _charge)
        yield from self._of(self._api.charges, window, _lone_charge)
        yield from self._of(self._api.refunds, window, _refund)
        yield from self._of(self._api.disputes, window, _dispute)

    def _of(self, service: Any, window: dict[str, Any], read: Read) -> Iterator[BookEntry]:
        things = self._all(service, window)
        known = _known(things)
        for thing in reversed(things):  # Stripe tells the newest first
            found = read(thing, known)
            if found is not None:
                yield BookEntry(at=shapes.moment(thing["created"]), found=found)

    def _all(self, service: Any, window: dict[str, Any]) -> list[Shape]:
        things: list[Shape] = []
        with self._line.limited():
            page = service.list(window)
        while True:
            things += [thing.to_dict() for thing in page.data]
            if not page.has_more or page.is_empty:
                return things
            with self._line.limited():
                page = page.next_page()


def _known(things: list[Shape]) -> Known:
    """What is on record here of these, and of the intents that they belong to: the same queries for any number."""
    intents = StripeIntent.objects.filter(reference__in={shapes.intent_in(thing) or thing["id"] for thing in things})
    refunds = StripeRefund.objects.filter(reference__in={thing["id"] for thing in things})
    return Known(intents={row.reference: row for row in intents}, refunds={row.reference: row.key for row in refunds})


def _charge(intent: Shape, known: Known) -> Charge | None:
    row = known.intents.get(intent["id"])
    if row is None:
        return shapes.foreign_charge_of(intent)
    outcome = shapes.outcome_of(intent, off_session=row.off_session, decline_code=row.decline_code)
    if outcome is None:
        return None
    code = row.decline_code or shapes.decline_of(intent) if outcome == Outcome.DECLINED else ""
    return shapes.charge_of(intent, key=row.key, outcome=outcome, decline_code=code)


def _lone_charge(charge: Shape, known: Known) -> Charge | None:
    return None if shapes.intent_in(charge) else shapes.lone_charge_of(charge)


def _refund(refund: Shape, known: Known) -> RefundAnswer:
    key = known.refunds.get(refund["id"]) or shapes.key_in(refund)
    return shapes.refund_of(refund, key=key, charge_key=known.key_of_charge(refund))


def _dispute(dispute: Shape, known: Known) -> DisputeReport | None:
    return shapes.dispute_of(dispute, charge_key=known.key_of_charge(dispute))
