"""From the journal to what is due: each endpoint follows the positions, in batches, each event once."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from tenants.delivery.webhooks.models import WebhookDelivery, WebhookEndpoint
from tenants.journal.models import EventPosition

AT_ONCE = 500


def follow_all(*, now: Callable[[], datetime], goes_on: Callable[[], bool]) -> int:
    """A batch of each in turn, so that one that is far behind holds up no other. Returns how many events were read."""
    read = 0
    while goes_on():
        behind = list(WebhookEndpoint.objects.behind().order_by("pk").values_list("pk", flat=True))
        moved = sum(follow(endpoint_id, at=now()) for endpoint_id in behind)
        if not moved:
            break
        read += moved
    return read


@transaction.atomic
def follow(endpoint_id: UUID, *, at: datetime) -> int:
    """The next batch of one endpoint: what it wants becomes due. None where somebody else does that at the moment."""
    # Row lock: where it stands moves on together with what that made due.
    endpoint = WebhookEndpoint.objects.locked(skip_locked=True).active().filter(pk=endpoint_id).first()
    passed = beyond(endpoint) if endpoint is not None else []
    if endpoint is None or not passed:
        return 0
    # The unique key is the second wall: what is there already stays as it is.
    WebhookDelivery.objects.bulk_create(
        [
            WebhookDelivery(
                tenant_id=endpoint.tenant_id, endpoint=endpoint, event_id=event_id, next_try_at=at, created_at=at
            )
            for _position, event_id, type in passed
            if endpoint.wants(type)
        ],
        ignore_conflicts=True,
    )
    endpoint.position = passed[-1][0]
    endpoint.save(update_fields=["position"])
    return len(passed)


def beyond(endpoint: WebhookEndpoint) -> list[tuple[int, UUID, str]]:
    """Position, id and type of what comes next."""
    further = EventPosition.objects.filter(tenant=endpoint.tenant_id, position__gt=endpoint.position)
    return list(further.order_by("position").values_list("position", "event_id", "event__type")[:AT_ONCE])


def unread() -> int:
    """How many endpoints have not come to the end of their journal."""
    return WebhookEndpoint.objects.behind().count()
