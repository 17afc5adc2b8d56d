"""The journal: the only way a fact leaves the operation that made it."""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, connection, transaction

from tenants.access import Actor
from tenants.directory.models import Tenant
from tenants.journal.models import Event, UnsequencedEvent

log = logging.getLogger(__name__)

# First key of the two-part advisory locks that this app takes; the second is a hash of the tenant.
SEQUENCER_LOCK = 7_301

# The fact and that it waits for its position, at once: whatever anybody does comes by here.
WRITE = """
    WITH event AS (
        INSERT INTO tenants_event (id, tenant_id, type, at, actor_id, on_behalf_of_id, subject, data)
        VALUES (%(id)s, %(tenant)s, %(type)s, %(at)s, %(actor)s, %(on_behalf_of)s, %(subject)s, %(data)s::jsonb)
        RETURNING id, tenant_id
    )
    INSERT INTO tenants_unsequencedevent (event_id, tenant_id)
    SELECT id, tenant_id FROM event WHERE tenant_id IS NOT NULL
"""


def record(type: str, *, tenant: Tenant | None, by: Actor, at: datetime, subject: object = "", **data: Any) -> Event:
    """
    Write a fact in the transaction of the change. `data` holds ids, codes and amounts, never names or addresses.

    The event gets its position right after the commit; if the process dies before that, the sweep gives it.
    """
    event = Event(
        tenant=tenant,
        type=type,
        at=at,
        actor=by.user,
        on_behalf_of_id=_sent_by(by, tenant),
        subject=str(subject),
        data=_plain(data),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE,
            {
                "id": event.pk,
                "tenant": event.tenant_id,
                "type": type,
                "at": at,
                "actor": event.actor_id,
                "on_behalf_of": event.on_behalf_of_id,
                "subject": event.subject,
                "data": json.dumps(event.data),
            },
        )
    if tenant is not None:
        _sequence_after_commit(tenant.pk)
    return event


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What `record_each` writes of one thing."""

    tenant: Tenant
    subject: object
    data: Mapping[str, Any]


def record_each(type: str, facts: Iterable[Fact], *, by: Actor, at: datetime) -> None:
    """
    Write a fact of many things, of any tenants, as `record` does of one: with two statements. Their positions come
    from the sweep.
    """
    written = Event.objects.bulk_create(
        Event(
            tenant=fact.tenant,
            type=type,
            at=at,
            actor=by.user,
            on_behalf_of_id=_sent_by(by, fact.tenant),
            subject=str(fact.subject),
            data=_plain(fact.data),
        )
        for fact in facts
    )
    UnsequencedEvent.objects.bulk_create(UnsequencedEvent(event=event, tenant=event.tenant) for event in written)


def _sent_by(by: Actor, tenant: Tenant | None) -> UUID | None:
    """The partner for whom somebody acts in a tenant that is not their own."""
    return by.employer_id if tenant is not None and by.employer_id != tenant.pk else None


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(data, cls=DjangoJSONEncoder))
    return plain


@dataclass(frozen=True)
class _Sequencing:
    """What a transaction does after its commit, once for each tenant that it wrote something of."""

    tenant_id: UUID

    def __call__(self) -> None:
        # What fails here must not make the caller believe that its change failed.
        try:
            sequence(self.tenant_id)
        except DatabaseError:
            log.warning("journal of tenant %s waits for the sweep", self.tenant_id, exc_info=True)


def _sequence_after_commit(tenant_id: UUID) -> None:
    wanted, open_now = _Sequencing(tenant_id), set(connection.savepoint_ids)
    # One that was asked for within a savepoint that is still open, or in none, goes only if this event goes as well.
    if not any(asked[1] == wanted and asked[0] <= open_now for asked in connection.run_on_commit):
        transaction.on_commit(wanted)


@transaction.atomic
def sequence(tenant_id: UUID) -> int:
    """
    Give each committed event of a tenant the next positions, oldest first. Returns how many got one.

    The advisory lock makes one sequencer per tenant at a time, and each sees all that was committed before it
    got the lock. So a position once given is never followed by a smaller one.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [SEQUENCER_LOCK, str(tenant_id)])
        cursor.execute(
            """
            WITH taken AS (DELETE FROM tenants_unsequencedevent WHERE tenant_id = %(tenant)s RETURNING event_id),
                 last AS (SELECT coalesce(max(position), 0) AS position
                          FROM tenants_eventposition WHERE tenant_id = %(tenant)s)
            INSERT INTO tenants_eventposition (event_id, tenant_id, position)
            SELECT taken.event_id, %(tenant)s, last.position + row_number() OVER (ORDER BY taken.event_id)
            FROM taken, last
            """,
            {"tenant": tenant_id},
        )
        return cursor.rowcount


def sequence_waiting() -> int:
    """Give positions to whatever a process that died left without."""
    tenants = UnsequencedEvent.objects.values_list("tenant_id", flat=True).distinct()
    return sum(sequence(tenant_id) for tenant_id in list(tenants))
