"""The events of the sandbox: owed from the moment of the change, signed, and sent until they are taken."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from django.db.models import Q
from django.utils.crypto import constant_time_compare, salted_hmac

from commerce.gateways.protocol import EventRefused, Kind, ProviderEvent
from commerce.gateways.sandbox.wire import NobodyListens
from commerce.models.sandbox import SandboxEvent

DB = "sandbox"
HEADER = "Sandbox-Signature"
TOLERANCE = timedelta(seconds=300)
MOST_ATTEMPTS = 40
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)

# What each type is about.
KINDS = {"charge": Kind.CHARGE, "setup": Kind.SETUP, "refund": Kind.REFUND, "dispute": Kind.DISPUTE}


def owe(type: str, reference: str) -> None:
    """Remember to tell, in the transaction of the change."""
    SandboxEvent.objects.using(DB).create(id=f"evt_{uuid4().hex}", type=type, reference=reference)


def deliver(*, post: Callable[[bytes, Mapping[str, str]], bool], at: datetime, limit: int = 100) -> int:
    """
    Send what is owed, oldest first; `post` says whether it was taken. Returns how many were. An event that was not
    waits ever longer for its next try; where nobody listens at all, the others are not tried either.
    """
    owed = SandboxEvent.objects.using(DB).filter(Q(next_at=None) | Q(next_at__lte=at), delivered_at=None)
    taken = 0
    for event in owed.filter(attempts__lt=MOST_ATTEMPTS).order_by("created_at", "id")[:limit]:
        this = SandboxEvent.objects.using(DB).filter(pk=event.pk)
        # Of two senders at once, one has it. Counted before it is sent, as a sender may die of it.
        if not this.filter(attempts=event.attempts).update(attempts=event.attempts + 1, next_at=at + _pause(event)):
            continue
        body = written(event)
        try:
            is_taken = post(body, {HEADER: signature(body, at), "Content-Type": "application/json"})
        except NobodyListens:
            break
        if is_taken:
            this.update(delivered_at=at)
            taken += 1
    return taken


def _pause(event: SandboxEvent) -> timedelta:
    """After the first try 5 s, then twice as long each time, an hour at most."""
    return min(FIRST_PAUSE * 2**event.attempts, LONGEST_PAUSE)


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
    return _about(body)


def _about(body: bytes) -> ProviderEvent:
    """:raises EventRefused: signed, but no event"""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EventRefused("the body is no JSON") from error
    told = told if isinstance(told, dict) else {}
    id, type, reference = (told.get(name) for name in ("id", "type", "object"))
    if not (isinstance(id, str) and isinstance(type, str) and isinstance(reference, str)):
        raise EventRefused("the body is no event")
    return ProviderEvent(id=id, type=type, kind=KINDS.get(type.partition(".")[0], Kind.OTHER), reference=reference)


def _sign(moment: int, body: bytes) -> str:
    # The key is derived from SECRET_KEY, so that every installation has one of its own without a setting.
    return salted_hmac("commerce.sandbox.events", f"{moment}.".encode() + body, algorithm="sha256").hexdigest()
