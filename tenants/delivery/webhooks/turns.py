"""Who sends to which endpoint: one process at a time, for a while, in turn, so that slow ones hold up nobody."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from tenants.delivery.webhooks.models import WebhookDelivery, WebhookEndpoint

# Above the hard time limit of a task: nobody sends what another one sends.
LEASE = timedelta(seconds=90)


@dataclass(frozen=True, kw_only=True)
class Turn:
    endpoint: UUID
    # Whose it is: nobody else has the same end.
    until: datetime


@transaction.atomic
def take(*, at: datetime, began: datetime, sound_only: bool) -> Turn | None:
    """
    The endpoint whose last turn lies longest ago, for this caller alone until the lease ends. One that fails has one
    turn since `began`, and none at all where `sound_only`.
    """
    rows = WebhookEndpoint.objects.with_due(at).free(at)
    sound = Q(failing_since=None)
    rows = rows.filter(sound if sound_only else sound | Q(turn_at=None) | Q(turn_at__lt=began))
    unlocked = rows.select_for_update(of=("self",), no_key=True, skip_locked=True)
    endpoint = unlocked.order_by(F("turn_at").asc(nulls_first=True), "pk").first()
    if endpoint is None:
        return None
    endpoint.turn_at, endpoint.leased_until = at, at + LEASE
    endpoint.save(update_fields=["turn_at", "leased_until"])
    return Turn(endpoint=endpoint.pk, until=endpoint.leased_until)


def waiting(*, at: datetime, most: int) -> list[UUID]:
    """Endpoints for which something is due, whoever sends to them."""
    return list(WebhookEndpoint.objects.with_due(at).values_list("pk", flat=True)[:most])


def let_go(turn: Turn) -> None:
    WebhookEndpoint.objects.filter(pk=turn.endpoint, leased_until=turn.until).update(leased_until=None)


def next_of(turn: Turn, *, at: datetime) -> WebhookDelivery | None:
    """What is to be sent next, while the endpoint is active and this turn is not over."""
    due = WebhookDelivery.objects.due(at).filter(
        endpoint=turn.endpoint, endpoint__state="active", endpoint__leased_until=turn.until
    )
    return due.in_turn().select_related("endpoint", "tenant").first()
