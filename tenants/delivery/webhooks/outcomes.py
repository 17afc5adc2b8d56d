"""What became of a try: delivered, tried again later, or given up; and an endpoint that takes nothing is disabled."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from tenants.access import SYSTEM
from tenants.delivery import jobs
from tenants.delivery.webhooks.models import (
    DeliveryState,
    DisabledBecause,
    EndpointState,
    WebhookDelivery,
    WebhookEndpoint,
)
from tenants.journal import events

# After each failed try so long; after the last of them it is given up.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
DISABLED_AFTER = timedelta(days=5)
# Longer than any wait: what failed before that was of another time.
FORGOTTEN_AFTER = timedelta(days=2)
GONE = 410
TELL = "tenants.tell_disabled_webhook"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """When, by the world's time, and what was answered, or why nothing was."""

    at: datetime
    status: int | None = None
    text: str = ""
    error: str = ""

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@transaction.atomic
def note(delivery: WebhookDelivery, tried: Tried, *, at: datetime) -> str:
    """
    Write down what a try came to, and return what the delivery is now. `at` is the tenant's own time. Of an endpoint
    that was removed meanwhile nothing is written.
    """
    # Row locks: the endpoint before what goes there, as whoever sends it again takes them.
    endpoint = WebhookEndpoint.objects.locked().select_related("tenant").filter(pk=delivery.endpoint_id).first()
    row = WebhookDelivery.objects.locked().filter(pk=delivery.pk).first()
    if endpoint is None or row is None:
        return DeliveryState.FAILED
    row.attempts += 1
    row.tried_at, row.response_status, row.response_text, row.error = tried.at, tried.status, tried.text, tried.error
    row.state, row.next_try_at = _after(row.attempts, tried)
    if tried.taken:
        row.delivered_at = tried.at
    row.save()
    _keep_count(endpoint, tried)
    because = _why_disabled(endpoint, tried)
    if because is not None and endpoint.state == EndpointState.ACTIVE:
        _disable(endpoint, because, tried, at)
    endpoint.save(update_fields=["state", "disabled_because", "disabled_at", "failing_since", "failed_at"])
    return row.state


def _after(attempts: int, tried: Tried) -> tuple[DeliveryState, datetime | None]:
    if tried.taken:
        return DeliveryState.DELIVERED, None
    if tried.status == GONE or attempts > len(WAITS):
        return DeliveryState.FAILED, None
    return DeliveryState.DUE, tried.at + WAITS[attempts - 1]


def _keep_count(endpoint: WebhookEndpoint, tried: Tried) -> None:
    if tried.taken:
        endpoint.failing_since, endpoint.failed_at = None, None
        return
    last = endpoint.failed_at
    if endpoint.failing_since is None or last is None or tried.at - last > FORGOTTEN_AFTER:
        endpoint.failing_since = tried.at
    endpoint.failed_at = tried.at


def _why_disabled(endpoint: WebhookEndpoint, tried: Tried) -> DisabledBecause | None:
    if tried.status == GONE:
        return DisabledBecause.GONE
    since = endpoint.failing_since
    return DisabledBecause.FAILING if since is not None and tried.at - since >= DISABLED_AFTER else None


def _disable(endpoint: WebhookEndpoint, because: DisabledBecause, tried: Tried, at: datetime) -> None:
    endpoint.state, endpoint.disabled_because, endpoint.disabled_at = EndpointState.DISABLED, because, tried.at
    events.record(
        "webhook_endpoint.disabled", tenant=endpoint.tenant, by=SYSTEM, at=at, subject=endpoint.pk, because=because
    )
    jobs.enqueue(TELL, endpoint=str(endpoint.pk))
