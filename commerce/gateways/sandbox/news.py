"""The events of the sandbox: owed from the moment of the change, signed, and sent until they are taken."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from django.utils.crypto import constant_time_compare, salted_hmac

from commerce.gateways.protocol import EventRefused, Kind, ProviderEvent
from commerce.models.sandbox import SandboxEvent

DB = "sandbox"
HEADER = "Sandbox-Signature"
TOLERANCE = timedelta(seconds=300)
MOST_ATTEMPTS = 20

# What each type is about.
KINDS = {"charge": Kind.CHARGE, "setup": Kind.SETUP, "refund": Kind.REFUND, "dispute": Kind.DISPUTE}


def owe(type: str, reference: str) -> None:
    """Remember to tell, in the transaction of the change."""
    SandboxEvent.objects.using(DB).create(id=f"evt_{uuid4().hex}", type=type, reference=reference)


def deliver(*, post: Callable[[bytes, dict[str, str]], bool], at: datetime, limit: int = 100) -> int:
    """Send what is owed, oldest first; `post` says whether it was taken. Returns how many were."""
    owed = SandboxEvent.objects.using(DB).filter(delivered_at=None, attempts__lt=MOST_ATTEMPTS)
    taken = 0
    for event in owed.order_by("created_at", "id")[:limit]:
        body = written(event)
        event.attempts += 1
        if post(body, {HEADER: signature(body, at), "Content-Type": "application/json"}):
            event.delivered_at = at
            taken += 1
        event.save(using=DB, update_fields=["attempts", "delivered_at"])
    return taken


def written(event: SandboxEvent) -> bytes:
    """An event as it goes over the wire."""
    told = {"id": event.id, "type": event.type, "object": event.reference, "created": event.created_at.isoformat()}
    return json.dumps(told).encode()


def signature(body: bytes, at: datetime) -> str:
    moment = int(at.timestamp())
    return f"t={moment},v1={_sign(moment, body)}"


def read(body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
    """:raises EventRefused: forged, tampered with, too old, or from the future"""
    parts = dict(part.partition("=")[::2] for part in headers.get(HEADER, "").split(","))
    stamp = parts.get("t", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise EventRefused("no time in the signature")
    if not constant_time_compare(parts.get("v1", ""), _sign(int(stamp), body)):
        raise EventRefused("the signature is wrong")
    if abs(at.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise EventRefused("the time is wrong")
    told = json.loads(body)
    kind = KINDS.get(told["type"].partition(".")[0], Kind.OTHER)
    return ProviderEvent(id=told["id"], type=told["type"], kind=kind, reference=told["object"])


def _sign(moment: int, body: bytes) -> str:
    # The key is derived from SECRET_KEY, so that every installation has one of its own without a setting.
    return salted_hmac("commerce.sandbox.events", f"{moment}.".encode() + body, algorithm="sha256").hexdigest()
