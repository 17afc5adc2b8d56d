"""
A client may send a call again without it being done again: `Idempotency-Key`, by the letter of the contract.

The claim of a key is a transaction of its own, so that equal calls at the same moment see it. The answer is kept once
the operation gave one; what is sure to have done nothing (400, 404, 429 …) or is a defect (5xx) frees the key.
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import Actor
from tenants.api.models import IdempotencyKey
from tenants.ids import new_id
from tenants.refusal import BadInput, NotAllowed, Refused

KEPT = timedelta(days=30)
LEASE = timedelta(seconds=30)  # a call still silent after that is taken for dead
RETRY_AFTER = 1

VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")
NOT_KEPT = frozenset({400, 401, 404, 429})


class IdempotencyKeyMissing(Refused):
    http_status = 400
    message = _("This call needs an Idempotency-Key header, so that it can safely be sent again.")


class IdempotencyKeyReused(Refused):
    http_status = 422
    message = _("This Idempotency-Key was used for another call.")


class IdempotencyKeyInUse(Refused):
    message = _("The first call with this Idempotency-Key is still running.")


def run(request: Request, *, actor: Actor, work: Callable[[IdempotencyKey], Response]) -> HttpResponse:
    """
    Do `work` once for the key of the request, or give the first answer again. `work` is given the key, which tells
    whether it takes up what a call that died may have begun.

    The caller has checked sign-in, scope, role and ownership: an answer is only repeated to who may still have it.

    :raises IdempotencyKeyMissing:
    :raises IdempotencyKeyReused: the key came with another method, path or body
    :raises IdempotencyKeyInUse: the first call is still running
    """
    mine, first = claim(key_of(request), fingerprint_of(request), actor=actor, at=timezone.now())
    if not mine:
        return answer(bytes(first.body or b""), first.status or 200, first.headers, replayed=True)
    kept = False
    try:
        given = work(first)
        body, headers = rendered(given)
        kept = may_be_kept(given) and keep(first, status=given.status_code, headers=headers, body=body)
    finally:
        if not kept:
            release(first)
    return answer(body, given.status_code, headers)


def key_of(request: Request) -> str:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        raise IdempotencyKeyMissing
    if not VISIBLE.fullmatch(key):
        raise BadInput(_("A key has 1 to 255 visible characters."), field="Idempotency-Key")
    return key


def fingerprint_of(request: Request) -> str:
    """Of method, path and body; spaces and the order of members do not make another body."""
    body = json.dumps(request.data, sort_keys=True)
    return hashlib.sha256("\n".join([request.method or "", request.get_full_path(), body]).encode()).hexdigest()


def claim(key: str, fingerprint: str, *, actor: Actor, at: datetime) -> tuple[bool, IdempotencyKey]:
    """True and the row when this call is to run, False and the row of the first answer when there is one."""
    # Durable: inside a caller's transaction, equal calls would wait for its end instead of being told to come back.
    with transaction.atomic(durable=True):
        fresh = IdempotencyKey(
            tenant=actor.tenant,
            user=actor.user,
            key=key,
            fingerprint=fingerprint,
            created_at=at,
            leased_until=at + LEASE,
        )
        IdempotencyKey.objects.bulk_create([fresh], ignore_conflicts=True)
        row = IdempotencyKey.objects.select_for_update().filter(tenant=actor.tenant, user=actor.user, key=key).first()
        if row is None:  # freed by the call that held it, between our two statements
            raise IdempotencyKeyInUse(retry_after=RETRY_AFTER)
        if row.pk == fresh.pk:
            return True, row
        if row.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        if row.status is not None:
            return False, row
        if row.leased_until is not None and row.leased_until > at:
            raise IdempotencyKeyInUse(retry_after=RETRY_AFTER)
        row.lease, row.leased_until, row.taken_over = new_id(), at + LEASE, True
        row.save(update_fields=["lease", "leased_until"])
        return True, row


def keep(row: IdempotencyKey, *, status: int, headers: dict[str, str], body: bytes) -> bool:
    """Store the answer, unless another call has taken the key over meanwhile."""
    held = IdempotencyKey.objects.filter(pk=row.pk, lease=row.lease, status=None)
    return bool(held.update(status=status, headers=headers, body=body, leased_until=None))


def release(row: IdempotencyKey) -> None:
    """Free the key for the next try, unless another call has taken it over meanwhile."""
    IdempotencyKey.objects.filter(pk=row.pk, lease=row.lease, status=None).delete()


def may_be_kept(given: Response) -> bool:
    if given.status_code in NOT_KEPT or given.status_code >= 500:
        return False
    # A role that is missing today may be granted tomorrow: rights are asked anew each time, never repeated.
    return not (isinstance(given.data, dict) and given.data.get("code") == NotAllowed.code)


def rendered(given: Response) -> tuple[bytes, dict[str, str]]:
    body = b"" if given.data is None else JSONRenderer().render(given.data)
    headers = {name: value for name, value in given.headers.items() if name != "Content-Type"}
    return body, {"Content-Type": given.content_type or "application/json", **headers}


def answer(body: bytes, status: int, headers: dict[str, str], *, replayed: bool = False) -> HttpResponse:
    """First answers and repeated ones are made here, so that they are the same byte for byte."""
    marks = {"Idempotent-Replayed": "true"} if replayed else {}
    return HttpResponse(body, status=status, headers={**headers, **marks})


def forget(*, before: datetime) -> int:
    """Remove the keys first used before a moment."""
    removed, _by_model = IdempotencyKey.objects.filter(created_at__lt=before).delete()
    return removed
