"""Events that come in: who sent them and when is checked here; of what they say, only what they are about is taken."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import stripe

from commerce.gateways.protocol import EventRefused, Kind, ProviderEvent
from commerce.gateways.stripe import shapes
from commerce.gateways.stripe.line import Line

SIGNATURE = "stripe-signature"
TOLERANCE = timedelta(seconds=300)

# The longest that fits counts: a dispute's events begin like a charge's.
_KINDS = {
    "payment_intent.": Kind.CHARGE,
    "charge.": Kind.CHARGE,
    "charge.dispute.": Kind.DISPUTE,
    "charge.refund.": Kind.REFUND,
    "refund.": Kind.REFUND,
    "setup_intent.": Kind.SETUP,
}


def read(line: Line, body: bytes, headers: Mapping[str, str], *, secret: str, at: datetime) -> ProviderEvent:
    """:raises EventRefused: not signed with the secret, or more than 300 s before or after `at`"""
    signature = next((value for name, value in headers.items() if name.lower() == SIGNATURE), "")
    try:
        # Their library refuses what is too old by its own clock, and nothing that is ahead: both are told below.
        event: dict[str, Any] = line.construct_event(body, signature, secret.strip(), tolerance=0).to_dict()
    except (stripe.SignatureVerificationError, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise EventRefused from error
    if abs(at - _signed_at(signature)) > TOLERANCE:
        raise EventRefused
    return _about(event)


def _signed_at(signature: str) -> datetime:
    """The time that was signed. The header was read by their library before: this finds the same."""
    parts = (part.split("=", 1) for part in signature.split(","))
    try:
        return shapes.moment(next(int(part[1]) for part in parts if part[0] == "t"))
    except (OverflowError, ValueError, OSError) as error:
        raise EventRefused from error


def _about(event: Mapping[str, Any]) -> ProviderEvent:
    try:
        kind_of_event, thing = str(event["type"]), event["data"]["object"]
        prefix = max((start for start in _KINDS if kind_of_event.startswith(start)), key=len, default="")
        kind = _KINDS.get(prefix, Kind.OTHER)
        reference = shapes.intent_in(thing) if prefix == "charge." else str(thing.get("id") or "")
        return ProviderEvent(
            id=str(event["id"]), type=kind_of_event, kind=kind if reference else Kind.OTHER, reference=reference
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise EventRefused from error
