"""How a difference stands by now: the provider is asked about this one thing, and our row read anew."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from commerce import gateways
from commerce.gateways.protocol import Charge, DisputeReport, Gateway, Kind, Outcome, RefundAnswer
from commerce.models import Difference, DifferenceKind, Dispute, Payment, Refund, RefundReason, RefundState
from commerce.operations.accounts import books, comparison
from commerce.operations.accounts.books import GivenBack
from commerce.operations.accounts.comparison import Found
from commerce.operations.paying.asking import ASK_AFTER


class _Asked(NamedTuple):
    gateway: Gateway
    at: datetime
    back: GivenBack


def look(difference: Difference, *, at: datetime, back: GivenBack | None = None) -> Found | None:
    """
    How a difference stands at this moment; none: it is gone. Asks the provider, so outside any transaction. `back`:
    what went back of charges, where many are looked at and the books are read once for all of them.

    :raises GatewayUnavailable: the provider does not answer
    """
    back = back or given_back([difference])
    found = _LOOK[DifferenceKind(difference.kind)](_Asked(gateways.current(), at, back), difference)
    return found if found and found.kind == difference.kind else None


def given_back(differences: Sequence[Difference]) -> GivenBack:
    """What went back of charges since a while before the first of the differences was found. Reads nothing yet."""
    since = min((difference.found_at for difference in differences), default=books.LAST)
    return GivenBack(gateways.current(), since=since - books.PART)


def _look_at_payment(asked: _Asked, difference: Difference) -> Found | None:
    payment = _payment(difference)
    return comparison.of_charge(payment, asked.gateway.find(payment.pk), settled_by=asked.at - ASK_AFTER)


def _look_at_stranger(asked: _Asked, difference: Difference) -> Found | None:
    charge = asked.gateway.fetch(Kind.CHARGE, difference.reference)
    if not isinstance(charge, Charge):
        # Not every provider tells of one alone: then what its books said stands.
        return Found(kind=DifferenceKind.UNKNOWN_CHARGE, reference=difference.reference, currency=difference.currency)
    if charge.outcome != Outcome.CAPTURED or Payment.objects.filter(pk=charge.key).exists():
        return None
    if charge.key != books.NOBODY and asked.back.of(charge) >= charge.amount:
        return None
    return comparison.of_stranger(charge)


def _look_at_set_aside(asked: _Asked, difference: Difference) -> Found | None:
    payment = Payment.objects.set_aside().filter(pk=_payment(difference).pk).first()
    return comparison.of_set_aside(payment, difference.currency) if payment else None


def _look_at_failed_refund(asked: _Asked, difference: Difference) -> Found | None:
    refund = _refund(difference)
    if refund.state == RefundState.FAILED:
        promise = refund.replaces or refund
        has_failed = Refund.objects.to_be_made_good().filter(pk=promise.pk).exists()
        return comparison.of_failed_refund(refund) if has_failed else None
    answer = answer_to(asked.gateway, refund)
    return comparison.of_refund(answer, refund.payment, [refund]) if answer and refund.payment else None


def _look_at_unsent_refund(asked: _Asked, difference: Difference) -> Found | None:
    refund = _refund(difference)
    must = Refund.objects.filter(comparison.must_be_there(asked.at - ASK_AFTER), pk=refund.pk).exists()
    return comparison.of_missing_refund(refund) if must and asked.gateway.find_refund(refund.pk) is None else None


def _look_at_unknown_refund(asked: _Asked, difference: Difference) -> Found | None:
    answer = asked.gateway.fetch(Kind.REFUND, difference.reference)
    if not isinstance(answer, RefundAnswer):
        return None
    payment = _payment(difference)
    like = Refund.objects.filter(comparison.refunds_like(answer), payment=payment)
    return comparison.of_refund(answer, payment, list(like.select_related("order", "payment")))


def _look_at_dispute(asked: _Asked, difference: Difference) -> Found | None:
    report = asked.gateway.fetch(Kind.DISPUTE, difference.reference)
    if not isinstance(report, DisputeReport):
        return None
    payment = _payment(difference)
    return comparison.of_dispute(report, payment, Dispute.objects.filter(gateway_ref=report.reference).first())


def _payment(difference: Difference) -> Payment:
    """As it stands now."""
    if difference.payment is None:
        raise ValueError(f"difference {difference.pk} is of no payment")
    return Payment.objects.select_related("tenant").get(pk=difference.payment.pk)


def _refund(difference: Difference) -> Refund:
    if difference.refund is None:
        raise ValueError(f"difference {difference.pk} is of no refund")
    return Refund.objects.select_related("order", "payment__tenant", "replaces").get(pk=difference.refund.pk)


def answer_to(gateway: Gateway, refund: Refund) -> RefundAnswer | None:
    """How a refund of ours stands there, also one that was made there."""
    if refund.reason != RefundReason.EXTERNAL:
        return gateway.find_refund(refund.pk)
    answer = gateway.fetch(Kind.REFUND, refund.gateway_ref)
    return answer if isinstance(answer, RefundAnswer) else None


_LOOK: dict[DifferenceKind, Callable[[_Asked, Difference], Found | None]] = {
    DifferenceKind.UNSETTLED: _look_at_payment,
    DifferenceKind.NOT_CAPTURED: _look_at_payment,
    DifferenceKind.UNKNOWN_CHARGE: _look_at_stranger,
    DifferenceKind.SET_ASIDE: _look_at_set_aside,
    DifferenceKind.REFUND_FAILED: _look_at_failed_refund,
    DifferenceKind.REFUND_UNSENT: _look_at_unsent_refund,
    DifferenceKind.UNKNOWN_REFUND: _look_at_unknown_refund,
    DifferenceKind.UNKNOWN_DISPUTE: _look_at_dispute,
}
