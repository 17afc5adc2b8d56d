"""
How one thing stands at the provider beside how it stands here. It only reads: what follows from a difference is in
`commerce.operations.accounts.reconciliation` and, where an operator says so, in `commerce.operations.accounts.repairs`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q

from commerce import money
from commerce.gateways.protocol import Charge, DisputeReport, Outcome, RefundAnswer, RefundOutcome
from commerce.models import DifferenceKind, Dispute, Payment, PaymentState, Refund, RefundReason, RefundState
from commerce.models.payment import LIVE, TAKING

CAPTURED_HERE = (PaymentState.SUCCEEDED, PaymentState.SURPLUS, PaymentState.SET_ASIDE)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A difference at this moment. States by their codes; empty: it is not there at all."""

    kind: DifferenceKind
    reference: str
    currency: str
    payment: Payment | None = None
    refund: Refund | None = None
    here: str = ""
    here_amount: Decimal | None = None
    there: str = ""
    there_amount: Decimal | None = None


def of_charge(payment: Payment, charge: Charge | None, *, settled_by: datetime | None = None) -> Found | None:
    is_here = payment.state in CAPTURED_HERE
    captured = charge if charge is not None and charge.outcome == Outcome.CAPTURED else None
    if captured is None:
        if not is_here:
            return None
        kind = DifferenceKind.NOT_CAPTURED
    elif is_here:
        if _same_money(payment, captured):
            return None
        kind = DifferenceKind.NOT_CAPTURED
    else:
        if payment.state in LIVE and (settled_by is None or payment.started_at >= settled_by):
            return None
        kind = DifferenceKind.UNSETTLED
    return Found(
        kind=kind,
        reference=(charge.reference if charge else "") or payment.gateway_ref or str(payment.pk),
        currency=captured.currency if captured else payment.currency,
        payment=payment,
        here=payment.state,
        here_amount=payment.captured,
        there=charge.outcome if charge else "",
        there_amount=captured.amount if captured else money.ZERO,
    )


def of_refund(answer: RefundAnswer, payment: Payment, refunds: Sequence[Refund]) -> Found | None:
    """`refunds` are those here that it may be: by its key or its reference."""
    kept = [refund for refund in refunds if refund.state != RefundState.FAILED]
    if answer.outcome == RefundOutcome.FAILED and kept:
        return _refund(DifferenceKind.REFUND_FAILED, kept[0], there=answer.outcome)
    here = sum((refund.amount for refund in kept), money.ZERO)
    # One that is not decided there yet counts, too: by then its day of the books may have been read.
    if answer.outcome == RefundOutcome.FAILED or here >= answer.amount:
        return None
    return Found(
        kind=DifferenceKind.UNKNOWN_REFUND,
        reference=answer.reference,
        currency=answer.currency,
        payment=payment,
        here_amount=here,
        there=answer.outcome,
        there_amount=answer.amount,
    )


def of_missing_refund(refund: Refund) -> Found:
    """The provider does not know its key."""
    return _refund(DifferenceKind.REFUND_UNSENT, refund, there="")


def of_failed_refund(refund: Refund) -> Found:
    return _refund(DifferenceKind.REFUND_FAILED, refund, there=RefundOutcome.FAILED)


def of_dispute(report: DisputeReport, payment: Payment, dispute: Dispute | None) -> Found | None:
    if dispute is not None and dispute.state == report.outcome.value:
        return None
    return Found(
        kind=DifferenceKind.UNKNOWN_DISPUTE,
        reference=report.reference,
        currency=report.currency,
        payment=payment,
        here=dispute.state if dispute else "",
        here_amount=dispute.amount if dispute else None,
        there=report.outcome,
        there_amount=report.amount,
    )


def of_set_aside(payment: Payment, currency: str) -> Found:
    return Found(
        kind=DifferenceKind.SET_ASIDE,
        reference=payment.gateway_ref or str(payment.pk),
        currency=currency,
        payment=payment,
        here=payment.state,
        here_amount=payment.amount,
        there=Outcome.CAPTURED,
        there_amount=payment.captured,
    )


def of_stranger(charge: Charge) -> Found:
    return Found(
        kind=DifferenceKind.UNKNOWN_CHARGE,
        reference=charge.reference,
        currency=charge.currency,
        there=charge.outcome,
        there_amount=charge.amount,
    )


def must_be_there(settled_by: datetime | None) -> Q:
    """
    Refunds that the provider must know: those that it gave back by our key, and those that were promised so long ago
    that they were sent. What the bank contests meanwhile is not sent.
    """
    sent = Q(state=RefundState.SUCCEEDED) & ~Q(reason=RefundReason.EXTERNAL)
    if settled_by is None:
        return sent
    # Asked of the disputes: of a charge that was promised back as a whole the bank finds nothing left to take.
    held = Dispute.objects.filter(payment=OuterRef("payment"), state__in=TAKING)
    return sent | Q(state=RefundState.STARTED, created_at__lt=settled_by) & ~Q(Exists(held))


def refunds_like(answer: RefundAnswer) -> Q:
    """Those here that a refund of the provider's may be."""
    by_reference = Q(gateway_ref=answer.reference) if answer.reference else Q(pk=None)
    return Q(pk=answer.key) | by_reference


def sentence(found: Found) -> str:
    """As `check_invariants` says it."""
    what = found.refund or found.payment
    if found.kind == DifferenceKind.UNKNOWN_CHARGE:
        return f"charge {found.reference}: {found.there_amount} captured at the provider, no payment here"
    if found.kind == DifferenceKind.UNKNOWN_REFUND:
        return f"refund {found.reference}: {found.here_amount} here, {found.there_amount} at the provider"
    if found.kind == DifferenceKind.UNKNOWN_DISPUTE:
        return f"dispute {found.reference}: {found.here or 'unknown'} here, {found.there} at the provider"
    name = f"{what._meta.model_name} {what.pk}" if what else found.reference
    if found.refund is not None:
        return f"{name}: {found.here} here, {found.there or 'unknown'} at the provider"
    if found.here in CAPTURED_HERE and found.there == Outcome.CAPTURED:
        return f"{name}: {found.here_amount} here, {found.there_amount} at the provider"
    return f"{name}: {found.here} here, {'' if found.there == Outcome.CAPTURED else 'not '}captured at the provider"


def _same_money(payment: Payment, charge: Charge) -> bool:
    # What was set aside may be in another currency than agreed.
    is_same = payment.state == PaymentState.SET_ASIDE or charge.currency == payment.currency
    return is_same and charge.amount == payment.captured


def _refund(kind: DifferenceKind, refund: Refund, *, there: str) -> Found:
    return Found(
        kind=kind,
        reference=refund.gateway_ref or str(refund.pk),
        currency=refund.order.currency,
        payment=refund.payment,
        refund=refund,
        here=refund.state,
        here_amount=refund.amount,
        there=there,
    )
