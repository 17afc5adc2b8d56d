"""Around the sending: the letter about an endpoint that was disabled, what waits, and what is forgotten."""

from datetime import datetime, timedelta
from uuid import UUID

from tenants.access import Right, has_right
from tenants.delivery import letters
from tenants.delivery.sweeps import Backlog, counted
from tenants.delivery.webhooks.models import DeliveryState, EndpointState, WebhookDelivery, WebhookEndpoint
from tenants.directory.models import Membership

KEPT = timedelta(days=30)


def tell_disabled(endpoint_id: UUID, *, sender: str) -> None:
    """Tell the organisation's global admins; not of one that is active again, or gone."""
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id, state=EndpointState.DISABLED).first()
    if endpoint is None or endpoint.disabled_at is None:
        return
    admins = Membership.objects.of(endpoint.tenant).active().members().filter(has_right(Right.MANAGE_WEBHOOKS))
    for admin in admins.select_related("user", "tenant").order_by("pk"):
        letters.send(
            "tenants/mail/webhook_disabled.txt",
            to=admin,
            told={"endpoint": endpoint},
            message_id=f"webhook-{endpoint.pk}-{endpoint.disabled_at.timestamp():.0f}-{admin.pk}",
            sender=sender,
        )


def backlog(at: datetime) -> Backlog:
    """What is due for endpoints that are active."""
    due = WebhookDelivery.objects.due(at).filter(endpoint__state=EndpointState.ACTIVE)
    return counted(due, since="next_try_at")


def forget(*, before: datetime) -> None:
    """Remove what went out, or was given up, long ago. Where an endpoint stands keeps it from being made again."""
    for endpoint_id in WebhookEndpoint.objects.values_list("pk", flat=True):
        old = WebhookDelivery.objects.filter(endpoint=endpoint_id, created_at__lt=before)
        old.exclude(state=DeliveryState.DUE).delete()
