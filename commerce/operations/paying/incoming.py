"""
News from the payment provider. An event is stored before anything is done about it; a task then asks the provider how
the thing stands now and settles it as every other way of learning would. A sweep finds what a lost task left.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import models, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_noop

from commerce import gateways
from commerce.gateways.protocol import (
    Charge,
    DisputeReport,
    EventRefused,
    GatewayUnavailable,
    Kind,
    ProviderEvent,
    RefundAnswer,
    Setup,
)
from commerce.models import CardSetup, IncomingEvent, IncomingState, Payment, Refund
from commerce.operations.paying import card_setups, disputes, refunds, settlement
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.directory.models import Tenant
from tenants.journal import events
from tenants.text import is_clean

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
# What nobody has tried by then has lost its task.
LOST_AFTER = timedelta(seconds=60)
# One try at a time, and the next one not before. Above the worker's hard time limit of 60 s.
LEASE = timedelta(seconds=75)
# Far longer than a provider repeats itself: it would be taken for a new one.
KEPT = timedelta(days=90)

# Why nothing followed from an event. Kept as they are written here, translated where they are read.
NOT_OURS = gettext_noop("Not ours: no key of ours is known for it.")
NOT_KNOWN_THERE = gettext_noop("The provider has nothing to say about it.")
OF_NO_KIND = gettext_noop("Of a type that nothing here follows from.")
OF_ANOTHER_PROVIDER = gettext_noop("Of a provider that is not in use any more.")
MADE_BY_HAND = gettext_noop("A refund that somebody made at the provider: see the reconciliation.")
TRIED_IN_VAIN = gettext_noop("Tried three times in vain: the log says why.")


# What time it is for a tenant.
There = Callable[[Tenant], datetime]


class _Settled(NamedTuple):
    state: IncomingState = IncomingState.HANDLED
    note: str = ""


def _ignored(note: str) -> _Settled:
    return _Settled(IncomingState.IGNORED, note)


def receive(*, gateway: str, event: ProviderEvent, at: datetime) -> IncomingEvent:
    """
    Store an event that the gateway has found to be genuine, and have it handled. However often it is sent, and by how
    many at once, it is one row and one task.

    :raises EventRefused: it names itself or what it is about with what cannot be stored
    """
    _require_storable(event)
    fresh = IncomingEvent(
        gateway=gateway,
        reference=event.id,
        type=event.type,
        kind=event.kind,
        subject=event.reference,
        received_at=at,
    )
    if event.kind == Kind.OTHER:
        fresh.state, fresh.note, fresh.settled_at = IncomingState.IGNORED, OF_NO_KIND, at
    with transaction.atomic():
        # ON CONFLICT DO NOTHING: of many at once, one inserts and the others wait until it is stored.
        IncomingEvent.objects.bulk_create([fresh], ignore_conflicts=True)
        stored = IncomingEvent.objects.get(gateway=gateway, reference=event.id)
        if stored.pk == fresh.pk and stored.state == IncomingState.RECEIVED:
            jobs.enqueue("commerce.handle_incoming_event", event_id=str(stored.pk))
    return stored


def handle(*, event_id: UUID, at: datetime, there: There | None = None) -> None:
    """
    Do what follows from an event. Handled already: nothing. The provider does not answer: it stays as it is, for the
    sweep, and so does a dispute that is told before its charge. Outside any transaction. `there`: what time it is for a
    tenant, if that may differ from the provider's.
    """
    event = _claim(event_id, at)
    if event is None:
        return
    try:
        settled = _settle(event, there or (lambda tenant: at))
    except GatewayUnavailable:
        # The event can do nothing for that, so it does not count.
        _still_received(event).update(attempts=F("attempts") - 1)
        return
    except disputes.NotCapturedYet as early:
        # Tried again after its lease, and counted: nobody waits for ever for what never comes.
        log.warning("incoming event %s: payment %s is contested, and not captured yet", event.pk, early)
        return
    _still_received(event).update(state=settled.state, note=settled.note, settled_at=at)


@transaction.atomic
def resume(*, at: datetime, limit: int = 100) -> int:
    """
    Have those handled again whose task was lost or could not finish. Each is a task of its own, so that one that fails
    holds up no other; after three tries it is set aside. Returns how many there were.
    """
    rested = Q(tried_at=None) | Q(tried_at__lte=at - LEASE)
    waiting = IncomingEvent.objects.waiting(at - LOST_AFTER).filter(rested).values_list("pk", flat=True)[:limit]
    for event_id in list(waiting):
        jobs.enqueue("commerce.handle_incoming_event", event_id=str(event_id))
    return len(waiting)


@transaction.atomic
def redo(*, event: IncomingEvent, by: Actor, at: datetime) -> IncomingEvent:
    """
    Have an event handled once more, as if it had just come in.

    :raises NotAllowed: neither operator nor system
    """
    by.require_operator()
    event = IncomingEvent.objects.locked().get(pk=event.pk)
    event.state, event.attempts, event.note = IncomingState.RECEIVED, 0, ""
    event.tried_at, event.settled_at = None, None
    event.save(update_fields=["state", "attempts", "note", "tried_at", "settled_at"])
    events.record("incoming_event.redone", tenant=None, by=by, at=at, incoming_event=event.pk)
    jobs.enqueue("commerce.handle_incoming_event", event_id=str(event.pk))
    return event


def forget(*, before: datetime, at_once: int = 1000) -> int:
    """
    Remove what was handled, or ignored, before a moment, in batches of a transaction each. What waits, and what was set
    aside for the operator, stays. Returns how many there were.
    """
    removed = 0
    while batch := list(
        IncomingEvent.objects.over(before).order_by("settled_at").values_list("pk", flat=True)[:at_once]
    ):
        # Asked again: one that an operator has had redone meanwhile is not over.
        removed += IncomingEvent.objects.over(before).filter(pk__in=batch).delete()[0]
    return removed


def _require_storable(event: ProviderEvent) -> None:
    for text, longest, is_needed in (
        (event.id, 255, True),
        (event.type, 100, True),
        (event.reference, 255, event.kind != Kind.OTHER),
    ):
        if not is_clean(text) or len(text) > longest or (is_needed and not text):
            raise EventRefused("it cannot be stored")


@transaction.atomic
def _claim(event_id: UUID, at: datetime) -> IncomingEvent | None:
    """Count a try, before it: one that kills its worker is counted, too. None: nothing to do, or somebody is at it."""
    event = IncomingEvent.objects.locked().filter(pk=event_id, state=IncomingState.RECEIVED).first()
    if event is None or (event.tried_at is not None and event.tried_at > at - LEASE):
        return None
    if event.attempts >= MOST_ATTEMPTS:
        log.error("incoming event %s set aside after %s attempts", event.pk, event.attempts)
        event.state, event.note, event.settled_at = IncomingState.FAILED, TRIED_IN_VAIN, at
        event.save(update_fields=["state", "note", "settled_at"])
        return None
    event.attempts, event.tried_at = event.attempts + 1, at
    event.save(update_fields=["attempts", "tried_at"])
    return event


def _still_received(event: IncomingEvent) -> "models.QuerySet[IncomingEvent]":
    return IncomingEvent.objects.filter(pk=event.pk, state=IncomingState.RECEIVED)


def _settle(event: IncomingEvent, there: There) -> _Settled:
    gateway = gateways.current()
    if event.gateway != gateway.name:
        return _ignored(OF_ANOTHER_PROVIDER)
    kind = Kind(event.kind)
    if kind not in _FOLLOWS:
        return _ignored(OF_NO_KIND)
    # Asked for afresh: events come late, twice and in any order, and only the provider knows what holds now.
    found = gateway.fetch(kind, event.subject)
    return _ignored(NOT_KNOWN_THERE) if found is None else _FOLLOWS[kind](found, there)


def _payment(key: UUID) -> Payment | None:
    return Payment.objects.select_related("tenant").filter(pk=key, gateway=gateways.current().name).first()


def _charge(found: Charge, there: There) -> _Settled:
    payment = _payment(found.key)
    if payment is None:
        return _ignored(NOT_OURS)
    settlement.settle_payment(payment=payment, charge=found, at=there(payment.tenant))
    return _Settled()


def _setup(found: Setup, there: There) -> _Settled:
    setup = CardSetup.objects.select_related("tenant").filter(pk=found.key, gateway=gateways.current().name).first()
    if setup is None:
        return _ignored(NOT_OURS)
    card_setups.settle_setup(setup=setup, answer=found, at=there(setup.tenant))
    return _Settled()


def _refund(found: RefundAnswer, there: There) -> _Settled:
    # One that was made by hand is known by the provider's id, once it is written down.
    is_it = Q(pk=found.key) | Q(payment=found.charge_key, gateway_ref=found.reference)
    refund = Refund.objects.select_related("tenant").filter(is_it, payment__gateway=gateways.current().name).first()
    if refund is not None:
        refunds.settle_refund(refund=refund, answer=found, at=there(refund.tenant))
        return _Settled()
    is_of_ours = Payment.objects.filter(pk=found.charge_key, gateway=gateways.current().name).exists()
    return _ignored(MADE_BY_HAND if is_of_ours else NOT_OURS)


def _dispute(found: DisputeReport, there: There) -> _Settled:
    payment = _payment(found.charge_key)
    known = payment is not None and disputes.settle_dispute(report=found, at=there(payment.tenant))
    return _Settled() if known else _ignored(NOT_OURS)


_FOLLOWS: dict[Kind, Callable[..., _Settled]] = {
    Kind.CHARGE: _charge,
    Kind.SETUP: _setup,
    Kind.REFUND: _refund,
    Kind.DISPUTE: _dispute,
}
