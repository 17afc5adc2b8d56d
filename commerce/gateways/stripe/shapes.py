"""Stripe's objects, as plain dictionaries, put into the words of the protocol. No call and no row is made here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from commerce.gateways.protocol import (
    CardDetails,
    Charge,
    DisputeOutcome,
    DisputeReport,
    Funding,
    Outcome,
    RefundAnswer,
    RefundOutcome,
    Setup,
)
from commerce.gateways.stripe.amounts import from_minor

Shape = Mapping[str, Any]

NOBODY = UUID(int=0)
ASKS_HOLDER = "authentication_required"
STEP_FAILED = "authentication_failed"  # the one word for it, whatever Stripe calls it on either kind of intent
_STEP_FAILED = {"payment_intent_authentication_failure", "setup_intent_authentication_failure"}
_CODE_LENGTH = 60

_OUTCOMES = {
    "succeeded": Outcome.CAPTURED,
    "requires_action": Outcome.REQUIRES_ACTION,
    "requires_payment_method": Outcome.DECLINED,
    "canceled": Outcome.CANCELED,
}
_FUNDINGS = {funding.value: funding for funding in Funding}
_REFUNDS = {
    "pending": RefundOutcome.PENDING,
    "requires_action": RefundOutcome.PENDING,
    "succeeded": RefundOutcome.SUCCEEDED,
    "failed": RefundOutcome.FAILED,
    "canceled": RefundOutcome.FAILED,
}
# An inquiry (`warning_…`) takes no money and is not here: it becomes a dispute, or goes away. What was `prevented`
# went back to the cardholder as a refund, which speaks for itself.
_DISPUTES = {
    "needs_response": DisputeOutcome.OPEN,
    "under_review": DisputeOutcome.OPEN,
    "won": DisputeOutcome.WON,
    "lost": DisputeOutcome.LOST,
}


def outcome_of(intent: Shape, *, off_session: bool = False, decline_code: str = "") -> Outcome | None:
    """
    How a payment or setup intent stands, or None while that is not decided: not confirmed yet, or in the making.

    `decline_code` is what it was declined with before it was canceled.
    """
    status = intent["status"]
    if status == "canceled" and decline_code:
        return Outcome.DECLINED
    if status == "requires_payment_method" and off_session and _asks_holder(_error(intent)):
        return Outcome.REQUIRES_ACTION
    return _OUTCOMES.get(status)


def decline_code_of(error: Shape) -> str:
    """Stripe's reason for a decline, or the nearest it says."""
    if error.get("code") in _STEP_FAILED or _asks_holder(error):
        return STEP_FAILED
    return str(error.get("decline_code") or error.get("code") or "generic_decline")[:_CODE_LENGTH]


def decline_of(intent: Shape) -> str:
    return decline_code_of(_error(intent))


def step_url_of(intent: Shape) -> str:
    """The bank's page, where the cardholder confirms."""
    action = intent.get("next_action") or {}
    return str((action.get("redirect_to_url") or {}).get("url") or "")


def method_of(intent: Shape) -> str:
    """The card that an intent is tried with, or was tried with last."""
    return _id(intent.get("payment_method")) or _id(_error(intent).get("payment_method"))


def charge_of(intent: Shape, *, key: UUID, outcome: Outcome, decline_code: str = "", action_url: str = "") -> Charge:
    """A payment intent. What was captured counts, not what was asked for."""
    captured = outcome == Outcome.CAPTURED
    currency = intent["currency"].upper()
    return Charge(
        key=key,
        reference=intent["id"],
        outcome=outcome,
        amount=from_minor(intent["amount_received"] if captured else intent["amount"], currency),
        currency=currency,
        decline_code=decline_code,
        action_url=action_url,
        card=_card_of_intent(intent),
    )


def foreign_charge_of(intent: Shape) -> Charge | None:
    """A payment intent that no key of ours is stored for; by what is written on it, it may still be ours."""
    outcome = outcome_of(intent)
    if outcome is None:
        return None
    code = decline_of(intent) if outcome == Outcome.DECLINED else ""
    return charge_of(intent, key=key_in(intent), outcome=outcome, decline_code=code)


def lone_charge_of(charge: Shape) -> Charge:
    """A charge that somebody made without an intent: none of ours, but money that moved."""
    currency = charge["currency"].upper()
    moved = charge["status"] == "succeeded" and charge.get("captured", True)
    return Charge(
        key=NOBODY,
        reference=charge["id"],
        outcome=Outcome.CAPTURED if moved else Outcome.DECLINED,
        amount=from_minor(charge["amount"], currency),
        currency=currency,
        decline_code="" if moved else str(charge.get("failure_code") or "")[:_CODE_LENGTH],
    )


def setup_of(intent: Shape, *, key: UUID, outcome: Outcome, decline_code: str = "", action_url: str = "") -> Setup:
    return Setup(
        key=key,
        reference=intent["id"],
        outcome=outcome,
        decline_code=decline_code,
        action_url=action_url,
        card=_card_of_intent(intent) if outcome == Outcome.CAPTURED else None,
    )


def refund_of(refund: Shape, *, key: UUID, charge_key: UUID) -> RefundAnswer:
    currency = refund["currency"].upper()
    return RefundAnswer(
        key=key,
        charge_key=charge_key,
        reference=refund["id"],
        # A refund without a word on how it stands: Stripe still works on it.
        outcome=_REFUNDS.get(refund.get("status") or "pending", RefundOutcome.PENDING),
        amount=from_minor(refund["amount"], currency),
        currency=currency,
    )


def dispute_of(dispute: Shape, *, charge_key: UUID) -> DisputeReport | None:
    """None for an inquiry: no money has moved."""
    outcome = _DISPUTES.get(dispute["status"])
    if outcome is None:
        return None
    currency = dispute["currency"].upper()
    return DisputeReport(
        charge_key=charge_key,
        reference=dispute["id"],
        outcome=outcome,
        amount=from_minor(dispute["amount"], currency),
        currency=currency,
        opened_at=moment(dispute["created"]),
    )


def card_of(method: Shape) -> CardDetails | None:
    """A payment method, or None when it is no card."""
    if method.get("type") != "card" or not method.get("card"):
        return None
    card = method["card"]
    return CardDetails(
        reference=method["id"],
        fingerprint=card.get("fingerprint") or "",
        brand=card.get("brand") or "",
        last4=card.get("last4") or "",
        exp_month=card["exp_month"],
        exp_year=card["exp_year"],
        funding=_FUNDINGS.get(card.get("funding"), Funding.UNKNOWN),
        country=card.get("country") or "",
    )


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def key_in(thing: Shape) -> UUID:
    """Our key as we wrote it there, or nil where somebody else made the thing."""
    try:
        return UUID((thing.get("metadata") or {}).get("key", ""))
    except ValueError:
        return NOBODY


def intent_in(thing: Shape) -> str:
    """The payment intent that a refund, a dispute or a charge belongs to."""
    return _id(thing.get("payment_intent"))


def _card_of_intent(intent: Shape) -> CardDetails | None:
    for method in (intent.get("payment_method"), _error(intent).get("payment_method")):
        if isinstance(method, Mapping):
            return card_of(method)
    return None


def _asks_holder(error: Shape) -> bool:
    return ASKS_HOLDER in (error.get("code"), error.get("decline_code"))


def _error(intent: Shape) -> Shape:
    return intent.get("last_payment_error") or intent.get("last_setup_error") or {}


def _id(found: Any) -> str:
    """Of a thing that is told in full or by its id."""
    return str(found["id"] if isinstance(found, Mapping) else found or "")
