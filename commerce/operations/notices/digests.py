"""Digests: at 09:00 of the tenant's time, one letter to each person with all that waits for it."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from django.db import transaction

from commerce.models import Notice, NoticesWritten
from commerce.operations.notices import writing
from tenants.directory.models import Tenant
from tenants.scope import EVERYBODY, Scope

MOST_AT_ONCE = 20_000


def send_due(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """How many letters that were. Daily and weekly ones that are due together are one."""
    due = among.of(Notice.objects.undelivered().filter(due_at__lte=at))
    tenants = Tenant.objects.filter(pk__in=due.order_by().values("tenant"))
    return sum(_send(tenant, at=at) for tenant in list(tenants.order_by("pk")))


@transaction.atomic
def _send(tenant: Tenant, *, at: datetime) -> int:
    # Row lock: of two sweeps one sends a tenant's digests, whole.
    if NoticesWritten.objects.select_for_update(skip_locked=True).filter(tenant=tenant).first() is None:
        return 0
    people: dict[UUID, list[Notice]] = defaultdict(list)
    rows = Notice.objects.of(tenant).undelivered().filter(due_at__lte=at).order_by("user", "at", "pk")
    for notice in rows[:MOST_AT_ONCE]:
        people[notice.user_id].append(notice)
    letters = writing.send(tenant, people, is_digest=True, at=at)
    for letter in letters:
        told = [notice.pk for notice in people[letter.user_id]]
        Notice.objects.filter(pk__in=told).update(letter=letter)
    return len(letters)
