"""Rows of the sandbox's ledger as the protocol speaks of them, and the references that it gives out."""

from dataclasses import replace
from uuid import UUID

from django.urls import reverse

from commerce.gateways.protocol import (
    CardDetails,
    Charge,
    DisputeOutcome,
    DisputeReport,
    Outcome,
    RefundAnswer,
    RefundOutcome,
    Setup,
)
from commerce.gateways.sandbox import cards
from commerce.models.sandbox import (
    SandboxCard,
    SandboxCharge,
    SandboxChargeState,
    SandboxDispute,
    SandboxRefund,
    SandboxSetup,
)

NOBODY = UUID(int=0)


def charge(row: SandboxCharge) -> Charge:
    return Charge(
        key=row.key,
        reference=reference_of(row),
        outcome=Outcome(row.state),
        amount=row.amount,
        currency=row.currency,
        decline_code=row.decline_code,
        action_url=_step(row),
        card=_kept(row.card),
    )


def setup(row: SandboxSetup) -> Setup:
    return Setup(
        key=row.key,
        reference=reference_of(row),
        outcome=Outcome(row.state),
        decline_code=row.decline_code,
        action_url=_step(row),
        card=_kept(row.card),
    )


def refund(row: SandboxRefund) -> RefundAnswer:
    return RefundAnswer(
        key=NOBODY if row.by_hand else row.key,
        charge_key=row.charge_id,
        reference=f"re_{row.key.hex}",
        outcome=RefundOutcome(row.state),
        amount=row.amount,
        currency=row.charge.currency,
    )


def dispute(row: SandboxDispute) -> DisputeReport:
    return DisputeReport(
        charge_key=row.charge_id,
        reference=row.reference,
        outcome=DisputeOutcome(row.state),
        amount=row.amount,
        currency=row.charge.currency,
        opened_at=row.created_at,
    )


def reference_of(row: SandboxCharge | SandboxSetup) -> str:
    return f"{'pi' if isinstance(row, SandboxCharge) else 'seti'}_{row.key.hex}"


def key_of(reference: str) -> UUID | None:
    """The key inside a reference, or None when it is none of ours."""
    try:
        return UUID(hex=reference.rpartition("_")[2])
    except ValueError:
        return None


def _step(row: SandboxCharge | SandboxSetup) -> str:
    waits = row.state == SandboxChargeState.REQUIRES_ACTION
    return reverse("sandbox-step", kwargs={"key": row.key}) if waits else ""


def _kept(card: SandboxCard | None) -> CardDetails | None:
    return replace(cards.details_of(card.token), reference=card.reference) if card else None
