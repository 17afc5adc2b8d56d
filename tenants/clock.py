"""
What time it is, for edges alone: operations are told.

The clock of a sandbox organisation can be moved ahead, to see what time would bring: its terms end, its letters go out
and its cards are charged at the sandbox provider, while everybody else's time stays as it is. Where another provider
is in use, cards are real, and so is every clock.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from tenants.directory.models import Tenant
from tenants.directory.moves import ClockMove
from tenants.scope import Scope


def now(tenant: Tenant | None = None) -> datetime:
    """By the tenant's clock; without one, as the world has it."""
    ahead = tenant.clock_ahead if tenant is not None and is_simulated() else timedelta()
    return timezone.now() + ahead


def of(model: type[Model], *ids: UUID | str) -> datetime:
    """By the clock of the tenant to which rows belong; where none of them is there any more, as the world has it."""
    rows = model._default_manager.filter(pk__in=ids).order_by()
    return now(Tenant.objects.filter(pk__in=rows.values("tenant")).first())


def is_simulated() -> bool:
    """Whether clocks may differ at all."""
    return bool(settings.PAYMENT_GATEWAY == "sandbox")


def scopes(at: datetime) -> Iterator[tuple[Scope, datetime]]:
    """
    For a sweep that begins at a moment: everybody whose clock was never moved, at that moment, and each of the others
    at the time that it has there. Whose clock is on its way to another time is left out: whoever walks it does that.

        for scope, at in clock.scopes(timezone.now()):
            lifecycle.advance_due(at=at, among=scope)
    """
    moved = list(_moved()) if is_simulated() else []
    yield Scope(but=frozenset(tenant.pk for tenant in moved)), at
    for tenant in moved:
        if not tenant.on_its_way:
            yield Scope(only=tenant.pk), at + tenant.clock_ahead


def _moved() -> QuerySet[Any]:
    on_its_way = Exists(ClockMove.objects.under_way().filter(tenant=OuterRef("pk")))
    tenants = Tenant.objects.annotate(on_its_way=on_its_way)
    return tenants.filter(Q(clock_ahead__gt=timedelta()) | Q(on_its_way=True)).order_by("pk")
